#include "tests/unit/pam/workplace.h"

#include <err.h>
#include <ftw.h>
#include <libintl.h>
#include <locale.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char folder[] = "/tmp/authsod-pam-XXXXXX";

void
workplace_enter(void)
{
    static const char *const folders[] = { "conf", "run", "locale", "locale/de", "locale/de/LC_MESSAGES" };
    FILE *other;

    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        err(1, "%s", folder);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (mkdir(folders[i], 0700) != 0)
            err(1, "%s", folders[i]);
    }
    /* libpam misses it otherwise. */
    other = fopen("conf/other", "we");
    if (other == NULL || fputs("auth required pam_deny.so\n", other) < 0 || fclose(other) != 0)
        err(1, "conf/other");
    if (symlink(TEST_PAM_GERMAN, "locale/de/LC_MESSAGES/authsod.mo") != 0)
        err(1, "authsod.mo");
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void
workplace_leave(void)
{
    if (chdir("/") != 0 || nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        warn("%s", folder);
}

/* Makes the locale below the folder; for systems where it is not installed. */
static const char *
make_locale(void)
{
    static char program[] = "localedef", language[] = "-ide_DE", charset[] = "-fUTF-8", name[] = "./de_DE.UTF-8";
    char *arguments[] = { program, language, charset, name, NULL };
    pid_t pid;
    int status;

    if (posix_spawnp(&pid, program, NULL, NULL, arguments, environ) != 0)
        return NULL;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return NULL;
    (void)setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8");
}

void
workplace_german(void)
{
    const char *now = setlocale(LC_ALL, "de_DE.UTF-8");

    if (now == NULL)
        now = make_locale();
    if (now == NULL) {
        /* Without the sources of locales: this one is built into glibc, and LANGUAGE names the language. */
        now = setlocale(LC_ALL, "C.UTF-8");
    }
    (void)setenv("LANGUAGE", "de", 1);
    (void)bindtextdomain("authsod", "locale");
    if (now == NULL || strcmp(dgettext("authsod", "Password: "), "Password: ") == 0)
        errx(1, "no locale to test German with: install the package locales");
}

void
workplace_usual(void)
{
    (void)unsetenv("LANGUAGE");
    (void)unsetenv("LOCPATH");
    (void)unsetenv("KRB5CCNAME");
    (void)unsetenv("GDM_SUPPORTED_PAM_EXTENSIONS");
    (void)setlocale(LC_ALL, "C");
}
