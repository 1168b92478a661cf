/*
 * What authsodctl asks of the running service: over a socket of keeper's that
 * only root may connect to, one packet a message.
 *
 *   request  u8 version (1), u8 what (enum control_request)
 *   answer   u8 kind (enum control_kind), u32 number, str text
 *
 * Answers come until one of kind CONTROL_DONE or CONTROL_FAILED, the last one.
 */
#ifndef AUTHSOD_PROTO_CONTROL_H
#define AUTHSOD_PROTO_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define CONTROL_PATH AUTHSOD_RUNDIR "/control.sock"
#define CONTROL_VERSION 1
#define CONTROL_TEXT_MAX 512
#define CONTROL_PACKET_MAX (CONTROL_TEXT_MAX + 16)
#define CONTROL_MS 300000 /* for all of a request */

enum control_request { CONTROL_ROTATE = 1 };

enum control_kind {
    CONTROL_STEP = 1, /* number: enum control_step */
    CONTROL_DONE,     /* number: the new version of the keys; text: the domain controller */
    CONTROL_FAILED,   /* number: enum control_failure; text: why, for the person */
};

enum control_step {
    CONTROL_CHANNEL = 1, /* the domain controller has the password that text names: "current", "pending", "previous" */
    CONTROL_PREPARED,    /* the new password is in the machine secret, and its keys in the keytab */
    CONTROL_TAKEN,       /* the domain has it */
};

enum control_failure {
    CONTROL_BUSY = 1,   /* another program holds the files */
    CONTROL_NO_SECRET,
    CONTROL_FILES,
    CONTROL_NO_CHANNEL, /* nothing was asked of the domain */
    CONTROL_REFUSED,    /* the domain stays with the password that it has */
    CONTROL_UNKNOWN,    /* which password the domain has will be found out */
    CONTROL_INTERNAL,
};

struct control_answer {
    uint8_t kind;
    uint32_t number;
    char text[CONTROL_TEXT_MAX];
};

/* Each pair is the one codec; _get is false unless the whole is well-formed, and what it names is in the lists above. */
void control_put_request(struct writer *w, enum control_request what);
bool control_get_request(const void *packet, size_t len, enum control_request *what_out);
/* text is cut to what fits. */
void control_put_answer(struct writer *w, enum control_kind kind, uint32_t number, const char *text);
bool control_get_answer(const void *packet, size_t len, struct control_answer *a_out);

#endif
