/* daemon/ipc: every message comes back as it went, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/only_whole.h"

static uint8_t packet[CHANNEL_PACKET_MAX];

static struct sid
alice(void)
{
    struct sid sid;

    assert_true(sid_parse("S-1-5-21-1-2-3-1104", &sid));
    return sid;
}

static void
identity_round_trip(void **state)
{
    struct ipc_identity in = { .request = 7, .status = IPC_STATUS_FOUND, .uid = 2001104, .gid = 2000513,
                               .name = "alice", .principal = "Alice",
                               .home = { .dns = "other.test", .netbios = "other", .mutual = true },
                               .why = { .err = ERR_CLOCK, .value = "10:00 min", .text = "skew" } };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_identity out;

    (void)state;
    in.sid = alice();
    ipc_put_identity(&w, &in);
    assert_true(ipc_get_identity(packet, w.len, &out));
    assert_int_equal(out.uid, in.uid);
    assert_true(sid_equal(&out.sid, &in.sid));
    assert_string_equal(out.principal, "Alice");
    assert_memory_equal(&out.home, &in.home, sizeof(in.home));
    assert_int_equal(out.why.err, ERR_CLOCK);
    assert_string_equal(out.why.value, "10:00 min");
    assert_string_equal(out.why.text, "skew");
    ONLY_WHOLE(w.len, ipc_get_identity(packet, n, &out));
    assert_int_equal(ipc_type(packet, w.len), IPC_IDENTITY);
    assert_false(ipc_get_state_is(packet, w.len, &(struct ipc_state_is){ 0 }));
}

static void
job_round_trip(void **state)
{
    struct ipc_job in = { .job = 3, .principal = "alice", .no_kdc = true, .dc = { .err = ERR_OK, .address = "10.0.0.1",
                          .host = "dc1.corp.test", .netbios = "CORP" } };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_job out;

    (void)state;
    ipc_put_job(&w, &in);
    assert_true(ipc_get_job(packet, w.len, &out));
    assert_string_equal(out.dc.host, "dc1.corp.test");
    assert_true(out.no_kdc);
    ONLY_WHOLE(w.len, ipc_get_job(packet, n, &out));
}

/* What is in a job comes to the file names and realms of a worker. */
static void
a_home_is_one_of_the_table_s(void **state)
{
    static const struct ipc_home bad[] = {
        { .dns = "other" }, { .dns = "other.test" }, { .netbios = "other" }, { .mutual = true },
        { .dns = "other..test", .netbios = "other" }, { .dns = "Other.test", .netbios = "other" },
        { .dns = "other.test/x", .netbios = "other" }, { .dns = "other.test", .netbios = "o.ther" },
        { .dns = "other.test", .netbios = "OTHER" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ipc_job job = { .principal = "alice", .home = bad[i] };
        struct ipc_identity is = { .name = "alice", .home = bad[i] };
        struct writer w = writer_init(packet, sizeof(packet));

        ipc_put_job(&w, &job);
        assert_false(ipc_get_job(packet, w.len, &job));
        w = writer_init(packet, sizeof(packet));
        is.sid = alice();
        ipc_put_identity(&w, &is);
        assert_false(ipc_get_identity(packet, w.len, &is));
    }
}

static void
result_round_trip(void **state)
{
    struct ipc_result in = { .job = 3, .err = ERR_CLOCK, .proved = true, .proved_unless_locked = true, .passed_through = true, .no_kdc = true, .offline = true, .step = "AS exchange", .value = "10:00 min", .text = "skew" };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_result out;

    (void)state;
    ipc_put_result(&w, IPC_RESULT, &in);
    assert_true(ipc_get_result(packet, w.len, IPC_RESULT, &out));
    assert_int_equal(out.err, ERR_CLOCK);
    assert_true(out.proved && out.proved_unless_locked && out.passed_through && out.no_kdc && out.offline);
    assert_string_equal(out.value, "10:00 min");
    assert_false(ipc_get_result(packet, w.len, IPC_PASSED, &out));
    ONLY_WHOLE(w.len, ipc_get_result(packet, n, IPC_RESULT, &out));
}

static void
verify_round_trip(void **state)
{
    const struct ipc_verify in = { .job = 3, .ap_req = (const uint8_t *)"AP-REQ", .ap_req_len = 6,
                                   .certificate = (const uint8_t *)"DER", .certificate_len = 3 };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_verify out;

    (void)state;
    ipc_put_verify(&w, &in);
    assert_true(ipc_get_verify(packet, w.len, &out));
    assert_int_equal(out.job, 3);
    assert_int_equal(out.ap_req_len, 6);
    assert_memory_equal(out.ap_req, "AP-REQ", 6);
    assert_int_equal(out.certificate_len, 3);
    assert_memory_equal(out.certificate, "DER", 3);
    ONLY_WHOLE(w.len, ipc_get_verify(packet, n, &out));
    /* A length that is more than there is. */
    packet[5] = 0xff;
    assert_false(ipc_get_verify(packet, w.len, &out));
}

static void
verified_round_trip(void **state)
{
    const struct ipc_verified in = { .result = { .job = 3, .err = ERR_OK, .proved = true, .text = "t" },
                                     .sealed = (const uint8_t *)"sealed", .sealed_len = 6 };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_verified out;

    (void)state;
    ipc_put_verified(&w, &in);
    assert_true(ipc_get_verified(packet, w.len, &out));
    assert_int_equal(out.result.job, 3);
    assert_true(out.result.proved);
    assert_string_equal(out.result.text, "t");
    assert_int_equal(out.sealed_len, 6);
    assert_memory_equal(out.sealed, "sealed", 6);
    ONLY_WHOLE(w.len, ipc_get_verified(packet, n, &out));
}

static void
what_a_card_is_asked_round_trip(void **state)
{
    struct ipc_offline asked = { .job = 3, .user = alice() }, asked_out;
    struct ipc_challenge challenge = { .why = { .err = ERR_NO_KDC, .text = "unknown" } }, challenge_out;
    const struct ipc_proof proof = { .job = 3, .signature = (const uint8_t *)"sig", .signature_len = 3 };
    struct ipc_proof proof_out;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    memset(asked.hash, 7, sizeof(asked.hash));
    ipc_put_offline(&w, &asked);
    assert_true(ipc_get_offline(packet, w.len, &asked_out));
    assert_int_equal(asked_out.job, 3);
    assert_true(sid_equal(&asked_out.user, &asked.user));
    assert_memory_equal(asked_out.hash, asked.hash, sizeof(asked.hash));
    ONLY_WHOLE(w.len, ipc_get_offline(packet, n, &asked_out));
    w = writer_init(packet, sizeof(packet));
    memset(challenge.challenge, 8, sizeof(challenge.challenge));
    ipc_put_challenge(&w, &challenge);
    assert_true(ipc_get_challenge(packet, w.len, &challenge_out));
    assert_int_equal(challenge_out.why.err, ERR_NO_KDC);
    assert_string_equal(challenge_out.why.text, "unknown");
    assert_memory_equal(challenge_out.challenge, challenge.challenge, sizeof(challenge.challenge));
    ONLY_WHOLE(w.len, ipc_get_challenge(packet, n, &challenge_out));
    w = writer_init(packet, sizeof(packet));
    ipc_put_proof(&w, &proof);
    assert_true(ipc_get_proof(packet, w.len, &proof_out));
    assert_int_equal(proof_out.job, 3);
    assert_int_equal(proof_out.signature_len, 3);
    assert_memory_equal(proof_out.signature, "sig", 3);
    ONLY_WHOLE(w.len, ipc_get_proof(packet, n, &proof_out));
}

static void
what_is_said_of_a_card_round_trip(void **state)
{
    struct ipc_vouch_offline vouch = { .worker = 5, .job = 3, .user = alice() }, vouch_out;
    struct ipc_forget forget = { .user = alice(), .all = true }, forget_out;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_vouch_offline(&w, &vouch);
    assert_true(ipc_get_vouch_offline(packet, w.len, &vouch_out));
    assert_int_equal(vouch_out.worker, 5);
    assert_int_equal(vouch_out.job, 3);
    assert_true(sid_equal(&vouch_out.user, &vouch.user));
    ONLY_WHOLE(w.len, ipc_get_vouch_offline(packet, n, &vouch_out));
    /* No SID. */
    packet[1 + 4 + 4 + 4] = 'X';
    assert_false(ipc_get_vouch_offline(packet, w.len, &vouch_out));
    w = writer_init(packet, sizeof(packet));
    memset(forget.hash, 9, sizeof(forget.hash));
    ipc_put_forget(&w, &forget);
    assert_true(ipc_get_forget(packet, w.len, &forget_out));
    assert_true(sid_equal(&forget_out.user, &forget.user));
    assert_true(forget_out.all);
    assert_memory_equal(forget_out.hash, forget.hash, sizeof(forget.hash));
    ONLY_WHOLE(w.len, ipc_get_forget(packet, n, &forget_out));
}

static void
pass_round_trip(void **state)
{
    struct ipc_pass in = { .job = 3, .deadline = INT64_MAX, .account = "alice", .domain = "CORP", .nt_hash = "fifteen bytes.." };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_pass out;

    (void)state;
    ipc_put_pass(&w, &in);
    assert_true(ipc_get_pass(packet, w.len, &out));
    assert_int_equal(out.job, 3);
    assert_true(out.deadline == INT64_MAX);
    assert_string_equal(out.account, "alice");
    assert_string_equal(out.domain, "CORP");
    assert_memory_equal(out.nt_hash, in.nt_hash, sizeof(in.nt_hash));
    ONLY_WHOLE(w.len, ipc_get_pass(packet, n, &out));
    /* A time that is none. */
    packet[12] |= 0x80;
    assert_false(ipc_get_pass(packet, w.len, &out));
}

static void
rotation_round_trip(void **state)
{
    struct ipc_rotate_holds holds = { .run = 7, .slot = 3, .controller = "dc1.corp.test" }, holds_out;
    struct ipc_rotate_end end = { .run = 8, .outcome = IPC_ROTATE_UNKNOWN, .controller = "dc1.corp.test", .text = "lost" };
    struct ipc_rotate_end end_out;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    ipc_put_rotate_holds(&w, &holds);
    assert_true(ipc_get_rotate_holds(packet, w.len, &holds_out));
    assert_int_equal(holds_out.run, 7);
    assert_int_equal(holds_out.slot, 3);
    assert_string_equal(holds_out.controller, "dc1.corp.test");
    ONLY_WHOLE(w.len, ipc_get_rotate_holds(packet, n, &holds_out));
    assert_false(ipc_get_rotate_end(packet, w.len, &end_out));
    /* A slot, an outcome that there is not. */
    packet[5] = 4;
    assert_false(ipc_get_rotate_holds(packet, w.len, &holds_out));
    packet[5] = 0;
    assert_false(ipc_get_rotate_holds(packet, w.len, &holds_out));
    w = writer_init(packet, sizeof(packet));
    ipc_put_rotate_end(&w, &end);
    assert_true(ipc_get_rotate_end(packet, w.len, &end_out));
    assert_int_equal(end_out.run, 8);
    assert_int_equal(end_out.outcome, IPC_ROTATE_UNKNOWN);
    assert_string_equal(end_out.text, "lost");
    ONLY_WHOLE(w.len, ipc_get_rotate_end(packet, n, &end_out));
    packet[5] = 5;
    assert_false(ipc_get_rotate_end(packet, w.len, &end_out));
    packet[5] = 0;
    assert_false(ipc_get_rotate_end(packet, w.len, &end_out));
}

static void
learned_round_trip(void **state)
{
    static const uint8_t record[] = { 1, 2, 3 };
    struct ipc_learned in = { .request = 9, .err = ERR_OK, .refresh = 900, .end = 3600, .passwd = record,
                              .passwd_len = 3, .groups = record, .groups_len = 2 };
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_learned out;

    (void)state;
    ipc_put_learned(&w, &in);
    assert_true(ipc_get_learned(packet, w.len, &out));
    assert_int_equal(out.passwd_len, 3);
    assert_memory_equal(out.groups, record, 2);
    ONLY_WHOLE(w.len, ipc_get_learned(packet, n, &out));
}

static void
the_map_s_messages_are_no_others(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));
    uint32_t number;

    (void)state;
    ipc_put_number(&w, IPC_MAP_NEW, 262144);
    assert_true(ipc_get_number(packet, w.len, IPC_MAP_NEW, &number));
    assert_int_equal(number, 262144);
    assert_false(ipc_get_number(packet, w.len, IPC_MAP_IS, &number));
    ONLY_WHOLE(w.len, ipc_get_number(packet, n, IPC_MAP_NEW, &number));
    w = writer_init(packet, sizeof(packet));
    ipc_put_empty(&w, IPC_MAP_PLACE);
    assert_true(ipc_get_empty(packet, w.len, IPC_MAP_PLACE));
    ONLY_WHOLE(w.len, ipc_get_empty(packet, n, IPC_MAP_PLACE));
}

static void
booleans_and_lengths_are_checked(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_lookup lookup = { .request = 1, .name = "alice" };
    char service[256 + 1];

    (void)state;
    ipc_put_lookup(&w, &lookup);
    packet[17] = 2; /* refresh */
    assert_false(ipc_get_lookup(packet, w.len, &lookup));
    w = writer_init(packet, sizeof(packet));
    writer_u8(&w, IPC_TICKET);
    writer_u32(&w, 300);
    w.len += 300;
    assert_false(ipc_get_ticket(packet, w.len, service));
}

static void
channels_carry_descriptors_and_keep_bounds(void **state)
{
    int pair[2], fds[CHANNEL_FDS_MAX], pipe_fds[2];
    char byte;

    (void)state;
    assert_true(channel_pair(pair));
    assert_int_equal(pipe(pipe_fds), 0);
    assert_true(channel_send(pair[0], "hello", 5, &pipe_fds[1], 1, false));
    assert_int_equal(channel_recv(pair[1], packet, sizeof(packet), fds, 1000), 5);
    assert_true(fds[0] >= 0 && fds[1] == -1);
    assert_int_equal(write(fds[0], "x", 1), 1);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    channel_close_fds(fds);
    assert_true(channel_send(pair[0], "hello", 5, NULL, 0, false));
    assert_int_equal(channel_recv(pair[1], packet, 4, fds, 0), -1);
    assert_int_equal(channel_recv(pair[1], packet, 4, fds, 10), -1);
    assert_int_equal(close(pair[0]), 0);
    assert_int_equal(channel_recv(pair[1], packet, 4, fds, -1), 0);
    assert_false(channel_send(pair[1], "x", 1, NULL, 0, true));
    (void)close(pair[1]);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_round_trip),
        cmocka_unit_test(job_round_trip),
        cmocka_unit_test(result_round_trip),
        cmocka_unit_test(learned_round_trip),
        cmocka_unit_test(verify_round_trip),
        cmocka_unit_test(verified_round_trip),
        cmocka_unit_test(what_a_card_is_asked_round_trip),
        cmocka_unit_test(what_is_said_of_a_card_round_trip),
        cmocka_unit_test(pass_round_trip),
        cmocka_unit_test(a_home_is_one_of_the_table_s),
        cmocka_unit_test(rotation_round_trip),
        cmocka_unit_test(the_map_s_messages_are_no_others),
        cmocka_unit_test(booleans_and_lengths_are_checked),
        cmocka_unit_test(channels_carry_descriptors_and_keep_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
