/*
 * What the two halves of authsodctl say to each other: the one that is root,
 * and its child, which is nobody, and alone reads what the network sends.
 *
 * A packet: u8 type, u32 number, two strings of lib/base/buf.h; a descriptor
 * may come along.  Both halves are one program, but the upper one believes the
 * lower one no more than its packets need.
 */
#ifndef AUTHSOD_TOOLS_TALK_H
#define AUTHSOD_TOOLS_TALK_H

#include <stdbool.h>
#include <stdint.h>

enum talk_type {
    /* from the child */
    TALK_STEP = 1,   /* a: a line for the person */
    TALK_WARNING,    /* a */
    TALK_CHECK,      /* number: 1 good; a: name, b: text */
    TALK_ASK,        /* a: prompt; answered by SECRET */
    TALK_FAILED,     /* number: enum ctl_error; a: why. The last one. */
    TALK_ACCOUNT,    /* number: kvno, a: DN, b: domain controller; answered by VERIFY */
    TALK_VERIFIED,   /* answered by COMMIT */
    TALK_COMMITTED,  /* the account stays, whatever becomes of the other half; only UNDO may still follow */
    TALK_DONE,       /* The last one. number: of the command */
    /* to the child */
    TALK_SECRET = 64, /* a */
    TALK_VERIFY,     /* a: the machine's password; with it the keytab, a memfd */
    TALK_COMMIT,     /* answered by COMMITTED */
    TALK_UNDO,       /* after COMMITTED: the files are taken back */
};

#define TALK_TEXT_MAX 4096  /* of each string, its NUL included */
#define TALK_PACKET_MAX (2 * TALK_TEXT_MAX + 16)

/* One packet; wiped by talk_clear. */
struct talk {
    enum talk_type type;
    uint32_t number;
    char a[TALK_TEXT_MAX];
    char b[TALK_TEXT_MAX];
    int fd;          /* that came along, or -1; whoever receives it closes it */
};

/* False where the other half is gone. a and b: NULL is "". fd: -1 for none; it stays the caller's. */
bool talk_send(int to, enum talk_type type, uint32_t number, const char *a, const char *b, int fd);

/* False with t cleared: the other half is gone, was silent for ms, or said what is no packet. */
bool talk_receive(int from, struct talk *t, int ms);

/* Erases t and closes what it has. */
void talk_clear(struct talk *t);

/* The decoder under it: len bytes. */
bool talk_decode(const uint8_t *p, unsigned long len, struct talk *t);

#endif
