/*
 * A front that was taken over, and what it writes into the identity map, for
 * tests/system/46-lying-map.bats.
 *
 *   liarmap [list]
 *
 * list: prints the names of the lies.  Else: for each line of the input, the
 * name of one, a new map is put in place and the one before it superseded; says
 * the name when that is done, and keeps the map's lease until the input ends.
 * It runs as root, which a front does not: it stands in for keeper, too.
 *
 * Each map has the entries below, true ones and lies; the lie that NAME is is
 * told besides.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/identmap/key.h"
#include "lib/identmap/writer.h"

#define SIZE IDENTMAP_SIZE_MIN
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NEW IDENTMAP_PATH ".liar"
#define GID 300500U
#define FOR_EVER 0x7fffffffU

/* Who is asked for, whatever the map says: each key has a set of its own to be lied in. */
static const char *const user_names[] = { "honest", "alice", "root", "localuser", "liar" };
static const char *const group_names[] = { "honests", "engineers", "root", "sudo", "localuser" };
static const uint32_t ids[] = { 300001, 300002, 300003, 300004, GID, 300501, 300502, 1000, 999, 27 };

/* Users: under their name, and under an id where that is the lie. */
static const struct {
    const char *name;
    uint32_t uid, gid;
    const char *home;
    bool by_id;
} users[] = {
    { "honest", 300001, GID, "/home/honest", true },
    { "root", 300002, GID, "/", true },
    { "localuser", 300003, GID, "/", true },
    { "sudo", 300004, GID, "/", true },
    { "uid-0", 0, GID, "/root", true },
    { "uid-5", 5, GID, "/", true },
    { "uid-999", 999, GID, "/", true },
    { "uid-local", 1000, GID, "/", true },
    { "uid-none", UINT32_MAX, GID, "/", true },
    { "gid-0", 300010, 0, "/root", true },
    { "gid-27", 300011, 27, "/", true },
    { "gid-local", 300012, 1000, "/", true },
    { "home-relative", 300013, GID, "root", true },
    { "home-newline", 300014, GID, "/\nroot::0:0::/:/bin/sh", true },
    { "x:0:0::/:/bin/sh", 300015, GID, "/", true },
    { "Root", 300016, GID, "/", true },
};

static const struct {
    const char *name;
    uint32_t gid;
    const char *member;
} groups[] = {
    { "honests", GID, "honest" },      { "root", 300501, "honest" },      { "sudo", 300502, "honest" },
    { "localuser", 300503, "honest" }, { "group-0", 0, "honest" },        { "group-27", 27, "honest" },
    { "group-999", 999, "honest" },    { "group-local", 1000, "honest" }, { "member-newline", 300504, "x\nroot" },
    { "member-colon", 300505, "x:y" },
};

static const struct {
    const char *name;
    uint32_t uid, gid, member_of;
} memberships[] = {
    { "honest", 300001, GID, 300501 },      { "root", 0, GID, GID },         { "localuser", 1000, GID, GID },
    { "in-root", 300020, GID, 0 },          { "in-sudo", 300021, GID, 27 },  { "in-local", 300022, GID, 1000 },
    { "in-none", 300023, GID, UINT32_MAX }, { "primary-0", 300024, 0, GID }, { "uid-0", 0, GID, GID },
};

static struct identmap_writer w;
static uint8_t *previous;

static void
put(const uint8_t *body, size_t len, bool by_id)
{
    struct identmap_times times = { FOR_EVER, FOR_EVER };
    struct reader r = reader_init(body, len);
    struct record rec;

    if (!record_get(&r, &rec) || !identmap_put(&w, &rec, body, len, true, by_id, times))
        errx(1, "an entry does not go in");
}

static void
put_entries(void)
{
    uint8_t body[1024];

    for (size_t i = 0; i < COUNT(users); i++) {
        struct writer to = writer_init(body, sizeof(body));

        record_put_passwd(&to, users[i].uid, users[i].gid, users[i].name, "", users[i].home, "/bin/sh");
        put(body, to.len, users[i].by_id);
    }
    for (size_t i = 0; i < COUNT(groups); i++) {
        struct writer to = writer_init(body, sizeof(body));

        record_put_group(&to, groups[i].gid, groups[i].name, &groups[i].member, 1);
        put(body, to.len, true);
    }
    for (size_t i = 0; i < COUNT(memberships); i++) {
        struct writer to = writer_init(body, sizeof(body));

        record_put_groups(&to, memberships[i].uid, memberships[i].gid, memberships[i].name, &memberships[i].member_of,
                          1);
        put(body, to.len, false);
    }
}

static struct identmap_head *
head(void)
{
    return (struct identmap_head *)(void *)w.data;
}

static struct identmap_key
named(enum record_kind kind, const char *name)
{
    return (struct identmap_key) { .kind = kind,
                                   .by = PROTO_BY_NAME,
                                   .name = name,
                                   .len = strlen(name),
                                   .hash = hash_keyed(head()->shared.key, name, strlen(name)) };
}

static uint32_t *
set_of(const struct identmap_key *key)
{
    const enum identmap_table table = identmap_table_of(key->kind, key->by);

    if (table == IDENTMAP_TABLES)
        errx(1, "no table has such keys");
    return (uint32_t *)(void *)(w.data + head()->tables[table].offset) +
           identmap_set(identmap_key_hash(key), head()->tables[table].sets);
}

/* Every slot of key's set names offset. */
static void
point(const struct identmap_key *key, size_t offset)
{
    uint32_t *set = set_of(key);

    for (unsigned i = 0; i < IDENTMAP_WAYS; i++)
        set[i] = identmap_tag(identmap_key_hash(key)) | (uint32_t)(offset / IDENTMAP_UNIT);
}

/* All who are asked for are to be found at offset. */
static void
point_all(size_t offset)
{
    for (size_t i = 0; i < COUNT(user_names); i++) {
        struct identmap_key user = named(RECORD_PASSWD, user_names[i]), of = named(RECORD_GROUPS, user_names[i]);

        point(&user, offset);
        point(&of, offset);
    }
    for (size_t i = 0; i < COUNT(group_names); i++) {
        struct identmap_key group = named(RECORD_GROUP, group_names[i]);

        point(&group, offset);
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct identmap_key user = { .kind = RECORD_PASSWD, .by = PROTO_BY_ID, .id = ids[i] };
        struct identmap_key group = { .kind = RECORD_GROUP, .by = PROTO_BY_ID, .id = ids[i] };

        point(&user, offset);
        point(&group, offset);
    }
}

/* The record of honest, who is found by his name. */
static size_t
offset_of(const char *name)
{
    struct identmap_key key = named(RECORD_PASSWD, name);
    const uint32_t *set = set_of(&key);

    for (unsigned i = 0; i < IDENTMAP_WAYS; i++) {
        if (set[i] != 0 && ((set[i] ^ identmap_tag(key.hash)) >> IDENTMAP_OFFSET_BITS) == 0)
            return identmap_slot_offset(set[i]);
    }
    errx(1, "%s is not in the map", name);
}

static struct identmap_record *
record_of(const char *name)
{
    return (struct identmap_record *)(void *)(w.data + offset_of(name));
}

/* The lies that change from one moment to the next: honest's record, between true and false. */
static _Atomic(bool) changing;
static pthread_t changer;

static struct {
    uint8_t *at;
    size_t len;
    uint8_t good[64], bad[64];
} change;

static void *
change_for_ever(void *unused)
{
    while (atomic_load(&changing)) {
        memcpy(change.at, change.bad, change.len);
        atomic_signal_fence(memory_order_seq_cst);
        memcpy(change.at, change.good, change.len);
        atomic_signal_fence(memory_order_seq_cst);
    }
    return unused;
}

/* From now on len bytes at `at` are what they are, and then bad, and so on. */
static void
keep_changing(void *at, const void *bad, size_t len)
{
    change.at = at;
    change.len = len;
    memcpy(change.good, at, len);
    memcpy(change.bad, bad, len);
    atomic_store(&changing, true);
    if (pthread_create(&changer, NULL, change_for_ever, NULL) != 0)
        errx(1, "no thread");
}

/* The bytes of honest's record in which `what` stands. */
static uint8_t *
in_record(const char *what, size_t len)
{
    struct identmap_record *rec = record_of("honest");
    void *at = memmem(rec + 1, rec->len, what, len);

    if (at == NULL)
        errx(1, "honest's record is another one");
    return at;
}

static void
lie_none(size_t unused)
{
    (void)unused;
}

static void
lie_point(size_t offset)
{
    point_all(offset);
}

/* To another's record. */
static void
lie_point_record(size_t i)
{
    point_all(offset_of(users[i].name));
}

/* Every slot of every table, and what stands behind them up to the records. */
static void
lie_fill(size_t byte)
{
    size_t from = head()->none;

    memset(w.data + from, (int)byte, head()->records - from);
}

static void
lie_len(size_t len)
{
    record_of("honest")->len = (uint32_t)len;
    for (size_t i = 0; i < COUNT(users); i++)
        record_of(users[i].name)->len = (uint32_t)len;
}

static void
lie_lengths_inside(size_t byte)
{
    for (size_t i = 0; i < COUNT(users); i++) {
        struct identmap_record *rec = record_of(users[i].name);

        /* The kind and the ids stay. */
        memset((uint8_t *)(rec + 1) + 9, (int)byte, rec->len - 9);
    }
}

static void
lie_none_offset(size_t offset)
{
    head()->none = (uint32_t)offset;
}

static void
lie_table_offset(size_t offset)
{
    for (unsigned i = 0; i < IDENTMAP_TABLES; i++)
        head()->tables[i].offset = (uint32_t)offset;
}

static void
lie_sets(size_t sets)
{
    for (unsigned i = 0; i < IDENTMAP_TABLES; i++)
        head()->tables[i].sets = (uint32_t)sets;
}

static void
lie_records(size_t offset)
{
    head()->records = (uint32_t)offset;
}

static void
lie_head(size_t byte)
{
    memset(&head()->none, (int)byte, sizeof(struct identmap_head) - offsetof(struct identmap_head, none));
}

/* "No such name" and "no such id" for who is local, in every slot of them. */
static void
lie_nobody(size_t unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(user_names); i++) {
        struct identmap_key key = named(RECORD_PASSWD, user_names[i]);

        identmap_remove(&w, &key);
        identmap_put_none(&w, &key, FOR_EVER);
    }
    for (size_t i = 0; i < COUNT(group_names); i++) {
        struct identmap_key key = named(RECORD_GROUP, group_names[i]);

        identmap_remove(&w, &key);
        identmap_put_none(&w, &key, FOR_EVER);
    }
}

static void
lie_changing_uid(size_t uid)
{
    const uint32_t right = 300001, wrong = (uint32_t)uid;

    keep_changing(in_record((const char *)&right, sizeof(right)), &wrong, sizeof(wrong));
}

static void
lie_changing_gid(size_t gid)
{
    const uint32_t right = GID, wrong = (uint32_t)gid;

    keep_changing(in_record((const char *)&right, sizeof(right)), &wrong, sizeof(wrong));
}

/* By the name and by the id: the name is as long. */
static void
lie_changing_name(size_t unused)
{
    (void)unused;
    keep_changing(in_record("honest", 6), "nobody", 6);
}

static void
lie_changing_home(size_t unused)
{
    (void)unused;
    keep_changing(in_record("/home/honest", 12), "\n:::::::::::", 12);
}

static void
lie_changing_len(size_t len)
{
    uint32_t wrong = (uint32_t)len;

    keep_changing(&record_of("honest")->len, &wrong, sizeof(wrong));
}

/* Honest's slot goes from his record to one with uid 0, and back. */
static void
lie_changing_slot(size_t i)
{
    struct identmap_key key = named(RECORD_PASSWD, "honest");
    uint32_t *set = set_of(&key), wrong;

    point(&key, offset_of("honest"));
    for (unsigned j = 1; j < IDENTMAP_WAYS; j++)
        set[j] = 0;
    wrong = identmap_tag(key.hash) | (uint32_t)(offset_of(users[i].name) / IDENTMAP_UNIT);
    keep_changing(&set[0], &wrong, sizeof(wrong));
}

static const struct lie {
    const char *name;
    void (*tell)(size_t with);
    size_t with;
} lies[] = {
    { "entries", lie_none, 0 },
    { "nobody", lie_nobody, 0 },
    { "slots-to-0", lie_point, 0 },
    { "slots-into-head", lie_point, IDENTMAP_UNIT },
    { "slots-to-head-end", lie_point, IDENTMAP_PAGE - IDENTMAP_UNIT },
    { "slots-into-nones", lie_point, IDENTMAP_PAGE + IDENTMAP_UNIT },
    { "slots-into-tables", lie_point, (size_t)40 << 10 },
    { "slots-into-records", lie_point, SIZE / 2 + IDENTMAP_UNIT },
    { "slots-to-last-unit", lie_point, SIZE - IDENTMAP_UNIT },
    { "slots-to-end", lie_point, SIZE },
    { "slots-beyond-end", lie_point, SIZE + IDENTMAP_UNIT },
    { "slots-far-beyond", lie_point, ((1U << IDENTMAP_OFFSET_BITS) - 1) * (size_t)IDENTMAP_UNIT },
    { "slots-to-honest", lie_point_record, 0 },
    { "slots-to-root", lie_point_record, 1 },
    { "slots-to-localuser", lie_point_record, 2 },
    { "slots-to-uid-0", lie_point_record, 4 },
    { "slots-all-ones", lie_fill, 0xff },
    { "slots-all-same", lie_fill, 0x01 },
    { "len-0", lie_len, 0 },
    { "len-1", lie_len, 1 },
    { "len-map", lie_len, SIZE },
    { "len-2G", lie_len, 0x80000000U },
    { "len-4G", lie_len, 0xffffffffU },
    { "inner-lengths-ones", lie_lengths_inside, 0xff },
    { "inner-lengths-zeros", lie_lengths_inside, 0 },
    { "inner-lengths-letters", lie_lengths_inside, 'a' },
    { "nones-0", lie_none_offset, 0 },
    { "nones-end", lie_none_offset, SIZE },
    { "nones-near-end", lie_none_offset, SIZE - 64 },
    { "nones-beyond", lie_none_offset, 0xffffffc0U },
    { "nones-unaligned", lie_none_offset, IDENTMAP_PAGE + 1 },
    { "tables-0", lie_table_offset, 0 },
    { "tables-into-head", lie_table_offset, 64 },
    { "tables-unaligned", lie_table_offset, IDENTMAP_PAGE + 4 },
    { "tables-near-end", lie_table_offset, SIZE - 64 },
    { "tables-end", lie_table_offset, SIZE },
    { "tables-beyond", lie_table_offset, 0xffffffc0U },
    { "sets-0", lie_sets, 0 },
    { "sets-1", lie_sets, 1 },
    { "sets-3", lie_sets, 3 },
    { "sets-many", lie_sets, SIZE / 64 },
    { "sets-2G", lie_sets, 0x80000000U },
    { "sets-4G", lie_sets, 0xffffffffU },
    { "records-0", lie_records, 0 },
    { "records-beyond", lie_records, 0xffffffffU },
    { "head-zeros", lie_head, 0 },
    { "head-ones", lie_head, 0xff },
    { "changing-uid-0", lie_changing_uid, 0 },
    { "changing-uid-local", lie_changing_uid, 1000 },
    { "changing-gid-0", lie_changing_gid, 0 },
    { "changing-gid-local", lie_changing_gid, 1000 },
    { "changing-name", lie_changing_name, 0 },
    { "changing-home", lie_changing_home, 0 },
    { "changing-len-0", lie_changing_len, 0 },
    { "changing-len-4G", lie_changing_len, 0xffffffffU },
    { "changing-slot-uid-0", lie_changing_slot, 4 },
    { "changing-slot-root", lie_changing_slot, 1 },
    { "version-0", NULL, 0 },
    { "version-before", NULL, IDENTMAP_VERSION - 1 },
    { "version-next", NULL, IDENTMAP_VERSION + 1 },
    { "version-4G", NULL, 0xffffffffU },
    { "superseded", NULL, 1 },
};

static void
stop_changing(void)
{
    if (atomic_exchange(&changing, false))
        (void)pthread_join(changer, NULL);
}

/* A new file of all zeros, mapped. */
static uint8_t *
make_file(void)
{
    int fd = open(NEW, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    uint8_t *data;

    if (fd < 0 || fchmod(fd, 0644) != 0 || posix_fallocate(fd, 0, SIZE) != 0)
        err(1, "%s", NEW);
    data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        err(1, "mmap");
    (void)close(fd);
    return data;
}

/* The map that is in place, whoever put it there; NULL if there is none. */
static uint8_t *
map_in_place(void)
{
    int fd = open(IDENTMAP_PATH, O_RDWR | O_CLOEXEC);
    uint8_t *data = fd < 0 ? MAP_FAILED : mmap(NULL, IDENTMAP_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        (void)close(fd);
    return data == MAP_FAILED ? NULL : data;
}

/* A version or a flag in the head, which is no part of what a reader checks while he reads. */
static void
tell_head(const struct lie *lie)
{
    if (strncmp(lie->name, "version", 7) == 0)
        head()->shared.version = (uint32_t)lie->with;
    else
        shared_supersede(w.data);
}

static void
place(const struct lie *lie)
{
    static const uint8_t key[HASH_KEY_LEN] = "of liarmap's own";
    uint8_t *data = make_file();

    stop_changing();
    if (previous == NULL)
        previous = map_in_place();
    shared_head_init(data, IDENTMAP_MAGIC, IDENTMAP_VERSION, key);
    if (!identmap_begin(&w, data, SIZE))
        errx(1, "no map");
    put_entries();
    shared_renew(data, shared_now());
    if (lie->tell != NULL)
        lie->tell(lie->with);
    else
        tell_head(lie);
    if (rename(NEW, IDENTMAP_PATH) != 0)
        err(1, "%s", IDENTMAP_PATH);
    if (previous != NULL)
        shared_supersede(previous);
    previous = data;
}

static const struct lie *
find(const char *name)
{
    for (size_t i = 0; i < COUNT(lies); i++) {
        if (strcmp(lies[i].name, name) == 0)
            return &lies[i];
    }
    errx(2, "no lie is called %s", name);
}

/* The next line of the input, the lease being kept meanwhile. False: it has ended. */
static bool
next_line(char *line, size_t size)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    size_t n = 0;

    while (n < size - 1) {
        if (w.data != NULL)
            shared_renew(w.data, shared_now());
        if (poll(&p, 1, 300) == 0)
            continue;
        if (read(STDIN_FILENO, &line[n], 1) != 1)
            return false;
        if (line[n] == '\n')
            break;
        n++;
    }
    line[n] = '\0';
    return true;
}

int
main(int argc, char **argv)
{
    char line[64];

    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < COUNT(lies); i++)
            printf("%s\n", lies[i].name);
        return 0;
    }
    if (argc != 1)
        errx(2, "usage: liarmap [list]");
    (void)unlink(NEW);
    while (next_line(line, sizeof(line))) {
        place(find(line));
        printf("%s\n", line);
        (void)fflush(stdout);
    }
    stop_changing();
    if (w.data != NULL)
        shared_supersede(w.data);
    (void)unlink(IDENTMAP_PATH);
    return 0;
}
