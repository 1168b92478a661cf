/* What the module finds around it in a test: who is known, who listens, where its log lines go. */
#ifndef TESTS_PAM_WORLD_H
#define TESTS_PAM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void world_reset(void);

/* What getpwnam knows from now on. */
void world_add_user(const char *name, uint32_t uid);

/* The uid that the listener's peer credentials show; 0 after world_reset. */
void world_set_listener(uint32_t uid);

/* The next line that was logged and not yet taken, "notice text"; NULL where there is none. */
const char *world_next_log(void);

/* True if the n disguised bytes stand in the clear in memory that this process can write. */
bool world_memory_holds(const char *disguised, size_t n);

#endif
