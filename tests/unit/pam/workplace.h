/* The folder that the tests of pam_authsod live in, and the languages there. */
#ifndef TESTS_PAM_WORKPLACE_H
#define TESTS_PAM_WORKPLACE_H

/*
 * Makes an empty folder with what the module under test looks for in it
 * (run/, locale/ with the German sentences) and conf/, and enters it.
 */
void workplace_enter(void);

/* Removes it and all below. */
void workplace_leave(void);

/* Switches to German; workplace_usual takes that and other variables back. Ends the test program where the system can do no German. */
void workplace_german(void);
void workplace_usual(void);

#endif
