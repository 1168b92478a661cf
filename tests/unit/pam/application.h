/* The application's side of a script: it calls PAM, answers prompts, and sees messages, logs and codes. */
#ifndef TESTS_PAM_APPLICATION_H
#define TESTS_PAM_APPLICATION_H

#include "tests/unit/pam/script.h"

/* Where the modules under test lie. */
struct application_paths {
    const char *authsod;
    const char *neighbour;
};

/* Plays the script in the folder of workplace.h. Fails the cmocka test that runs where something differs. */
void application_play(const struct script *s, const struct application_paths *paths);

#endif
