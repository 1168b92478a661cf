/*
 * bench_logon: a logon through PAM beside the same exchange made in-process by
 * bare libkrb5 (AS exchange, ticket for host/<fqdn>, check with the keytab),
 * turn by turn in one run.
 *
 *   bench_logon pair SERVICE USER PASSWORD HOST KEYTAB ROUNDS   medians, ratio, noise; PAM's three steps
 *   bench_logon pam SERVICE USER PASSWORD ROUNDS                median of PAM alone
 *   bench_logon bare USER PASSWORD HOST KEYTAB ROUNDS           median of libkrb5 alone
 *   bench_logon many pam|bare N SERVICE USER PASSWORD HOST KEYTAB   N processes at once; logons a second
 *
 * libkrb5 reads KRB5_CONFIG; ARMOR names a credential cache for FAST.
 */
#include <krb5/krb5.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 10000

static const char *password;

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
converse(int n, const struct pam_message **messages, struct pam_response **responses_out, void *data)
{
    struct pam_response *r = calloc((size_t)n, sizeof(*r));

    (void)data;
    for (int i = 0; i < n; i++) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            r[i].resp = strdup(password);
        else
            fprintf(stderr, "PAM says: %s\n", messages[i]->msg);
    }
    *responses_out = r;
    return PAM_SUCCESS;
}

/* What authenticate, account and setcred take of a logon, ms. */
enum { STEPS = 3 };

/* authenticate, account, setcred; then the cache is removed outside of the time. -1 on failure. */
static double
logon_pam(const char *service, const char *user, double steps[static STEPS])
{
    struct pam_conv conv = { converse, NULL };
    pam_handle_t *pam = NULL;
    double start = now_ms(), took = start;
    int rc = pam_start(service, user, &conv, &pam);

    for (int i = 0; i < STEPS && rc == PAM_SUCCESS; i++) {
        rc = i == 0 ? pam_authenticate(pam, 0) : i == 1 ? pam_acct_mgmt(pam, 0) : pam_setcred(pam, PAM_ESTABLISH_CRED);
        steps[i] = now_ms() - took;
        took += steps[i];
    }
    took = now_ms() - start;
    if (rc != PAM_SUCCESS) {
        fprintf(stderr, "PAM: %s\n", pam_strerror(pam, rc));
        took = -1;
    } else {
        (void)pam_setcred(pam, PAM_DELETE_CRED);
    }
    (void)pam_end(pam, rc);
    return took;
}

static krb5_error_code
bare_exchange(krb5_context ctx, const char *user, const char *host, const char *keytab_name)
{
    krb5_get_init_creds_opt *opt = NULL;
    krb5_verify_init_creds_opt verify;
    krb5_principal client = NULL, server = NULL;
    krb5_keytab keytab = NULL;
    krb5_error_code rc;
    krb5_creds creds;
    char name[512];

    memset(&creds, 0, sizeof(creds));
    (void)snprintf(name, sizeof(name), "host/%s", host);
    rc = krb5_parse_name(ctx, user, &client);
    if (rc == 0)
        rc = krb5_parse_name(ctx, name, &server);
    if (rc == 0)
        rc = krb5_get_init_creds_opt_alloc(ctx, &opt);
    if (rc == 0 && getenv("ARMOR") != NULL)
        rc = krb5_get_init_creds_opt_set_fast_ccache_name(ctx, opt, getenv("ARMOR"));
    if (rc == 0)
        rc = krb5_get_init_creds_password(ctx, &creds, client, password, NULL, NULL, 0, NULL, opt);
    if (rc == 0)
        rc = krb5_kt_resolve(ctx, keytab_name, &keytab);
    if (rc == 0) {
        krb5_verify_init_creds_opt_init(&verify);
        krb5_verify_init_creds_opt_set_ap_req_nofail(&verify, 1);
        rc = krb5_verify_init_creds(ctx, &creds, server, keytab, NULL, &verify);
    }
    if (keytab != NULL)
        (void)krb5_kt_close(ctx, keytab);
    krb5_free_cred_contents(ctx, &creds);
    krb5_get_init_creds_opt_free(ctx, opt);
    krb5_free_principal(ctx, client);
    krb5_free_principal(ctx, server);
    return rc;
}

static double
logon_bare(const char *user, const char *host, const char *keytab)
{
    krb5_context ctx = NULL;
    double start = now_ms(), took;
    krb5_error_code rc = krb5_init_context(&ctx);

    if (rc == 0)
        rc = bare_exchange(ctx, user, host, keytab);
    took = now_ms() - start;
    if (rc != 0) {
        const char *text = krb5_get_error_message(ctx, rc);

        fprintf(stderr, "libkrb5: %s\n", text);
        krb5_free_error_message(ctx, text);
        took = -1;
    }
    if (ctx != NULL)
        krb5_free_context(ctx);
    return took;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
quantile(double *values, int n, double q)
{
    qsort(values, (size_t)n, sizeof(*values), compare);
    return values[(int)(q * (n - 1))];
}

static int
many(const char *what, int n, char **argv)
{
    double start = now_ms(), took, steps[STEPS];
    int failed = 0, status;

    for (int i = 0; i < n; i++) {
        if (fork() == 0)
            _exit((strcmp(what, "pam") == 0 ? logon_pam(argv[0], argv[1], steps) : logon_bare(argv[1], argv[3], argv[4])) < 0);
    }
    while (wait(&status) > 0)
        failed += status != 0;
    took = now_ms() - start;
    printf("%d at once, %d failed, %.1f a second\n", n, failed, n / took * 1e3);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void
print_pair(double *pam, double *bare, double (*steps)[STEPS], int n)
{
    double p = quantile(pam, n, 0.5), b = quantile(bare, n, 0.5), noise = quantile(bare, n, 0.9) / b, step[STEPS];

    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < n; j++)
            pam[j] = steps[j][i];
        step[i] = quantile(pam, n, 0.5);
    }
    printf("ratio %.2f: pam %.1f ms (%.1f + %.1f + %.1f), bare %.1f ms, noise (p90/p50 of bare) %.2f\n", p / b, p, step[0],
           step[1], step[2], b, noise);
}

int
main(int argc, char **argv)
{
    static double pam[ROUNDS_MAX], bare[ROUNDS_MAX], steps[ROUNDS_MAX][STEPS];
    int rounds = argc > 1 ? atoi(argv[argc - 1]) : 0;

    if (argc == 9 && strcmp(argv[1], "many") == 0) {
        password = argv[6];
        return many(argv[2], atoi(argv[3]), argv + 4);
    }
    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    for (int i = 0; i < rounds; i++) {
        if (argc == 8 && strcmp(argv[1], "pair") == 0) {
            password = argv[4];
            bare[i] = logon_bare(argv[3], argv[5], argv[6]);
            pam[i] = logon_pam(argv[2], argv[3], steps[i]);
        } else if (argc == 6 && strcmp(argv[1], "pam") == 0) {
            password = argv[4];
            pam[i] = logon_pam(argv[2], argv[3], steps[i]);
        } else if (argc == 7 && strcmp(argv[1], "bare") == 0) {
            password = argv[3];
            bare[i] = logon_bare(argv[2], argv[4], argv[5]);
        } else {
            return 2;
        }
        if (pam[i] < 0 || bare[i] < 0)
            return EXIT_FAILURE;
    }
    if (strcmp(argv[1], "pair") == 0)
        print_pair(pam, bare, steps, rounds);
    else
        printf("%.1f ms\n", quantile(strcmp(argv[1], "pam") == 0 ? pam : bare, rounds, 0.5));
    return EXIT_SUCCESS;
}
