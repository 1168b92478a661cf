/*
 * bench_logon: logons through PAM beside the same exchange made in-process by
 * bare libkrb5 (AS exchange, ticket for host/<fqdn>, check with the keytab).
 *
 *   bench_logon pair SERVICE HOST KEYTAB ROUNDS USER...
 *       turn by turn, the users one after the other: medians, PAM's three steps, noise
 *   bench_logon many pam|bare SERVICE HOST KEYTAB N USER
 *       N processes at once: logons a second
 *   bench_logon one SERVICE USER
 *       one logon by PAM: its milliseconds, and those of PAM's three steps
 *
 * The password of USER is Passw0rd-USER.  libkrb5 reads KRB5_CONFIG; ARMOR names
 * a credential cache for FAST.  With CARD, the key of a smart card as libkrb5
 * names it (X509_user_identity), it is a logon with that card, and PIN is its PIN.
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

static char password[128];

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

/* As kinit does it for a card: the one question is for the PIN. */
static krb5_error_code
give_pin(krb5_context ctx, void *data, const char *name, const char *banner, int n, krb5_prompt prompts[])
{
    (void)ctx;
    (void)data;
    (void)name;
    (void)banner;
    for (int i = 0; i < n; i++) {
        prompts[i].reply->length = (unsigned)strlen(password);
        memcpy(prompts[i].reply->data, password, strlen(password));
    }
    return 0;
}

static krb5_error_code
initial_ticket(krb5_context ctx, krb5_creds *creds, krb5_principal client, krb5_get_init_creds_opt *opt)
{
    const char *card = getenv("CARD");
    krb5_error_code rc = 0;

    if (card == NULL)
        return krb5_get_init_creds_password(ctx, creds, client, password, NULL, NULL, 0, NULL, opt);
    rc = krb5_get_init_creds_opt_set_pa(ctx, opt, "X509_user_identity", card);
    return rc != 0 ? rc : krb5_get_init_creds_password(ctx, creds, client, NULL, give_pin, NULL, 0, NULL, opt);
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
        rc = initial_ticket(ctx, &creds, client, opt);
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

static void
set_password(const char *user)
{
    const char *pin = getenv("PIN");

    if (pin != NULL)
        (void)snprintf(password, sizeof(password), "%s", pin);
    else
        (void)snprintf(password, sizeof(password), "Passw0rd-%s", user);
}

static int
many(bool with_pam, const char *service, const char *host, const char *keytab, int n, const char *user)
{
    double start = now_ms(), took, steps[STEPS];
    int failed = 0, status;

    set_password(user);
    for (int i = 0; i < n; i++) {
        if (fork() == 0)
            _exit((with_pam ? logon_pam(service, user, steps) : logon_bare(user, host, keytab)) < 0);
    }
    while (wait(&status) > 0)
        failed += status != 0;
    took = now_ms() - start;
    printf("%.1f a second, %d failed\n", n / took * 1e3, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
pair(const char *service, const char *host, const char *keytab, int rounds, char *const *users, int n_users)
{
    static double pam[ROUNDS_MAX], bare[ROUNDS_MAX], steps[STEPS][ROUNDS_MAX];
    double p, b;

    for (int i = 0; i < rounds; i++) {
        const char *user = users[i % n_users];
        double step[STEPS];

        set_password(user);
        bare[i] = logon_bare(user, host, keytab);
        pam[i] = logon_pam(service, user, step);
        if (pam[i] < 0 || bare[i] < 0)
            return EXIT_FAILURE;
        for (int j = 0; j < STEPS; j++)
            steps[j][i] = step[j];
    }
    p = quantile(pam, rounds, 0.5);
    b = quantile(bare, rounds, 0.5);
    printf("%.2f: %.1f ms (%.1f + %.1f + %.1f) to %.1f ms, noise %.2f\n", p / b, p, quantile(steps[0], rounds, 0.5),
           quantile(steps[1], rounds, 0.5), quantile(steps[2], rounds, 0.5), b, quantile(bare, rounds, 0.9) / b);
    return EXIT_SUCCESS;
}

static int
one(const char *service, const char *user)
{
    double steps[STEPS], took;

    set_password(user);
    took = logon_pam(service, user, steps);
    printf("%.2f %.2f %.2f %.2f\n", took, steps[0], steps[1], steps[2]);
    return took < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    int n = argc > 6 ? atoi(argv[argc > 7 && strcmp(argv[1], "many") == 0 ? 6 : 5]) : 0;

    if (argc == 4 && strcmp(argv[1], "one") == 0)
        return one(argv[2], argv[3]);
    if (n < 1 || n > ROUNDS_MAX)
        return 2;
    if (argc == 8 && strcmp(argv[1], "many") == 0)
        return many(strcmp(argv[2], "pam") == 0, argv[3], argv[4], argv[5], n, argv[7]);
    if (strcmp(argv[1], "pair") == 0)
        return pair(argv[2], argv[3], argv[4], n, argv + 6, argc - 6);
    return 2;
}
