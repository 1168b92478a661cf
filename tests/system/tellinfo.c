#include "tests/system/tellinfo.h"

#include <inttypes.h>
#include <stdio.h>

static void
tell_texts(const struct logon_info *i)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        { "account", i->account },          { "full_name", i->full_name },       { "domain_netbios", i->domain_netbios },
        { "domain_dns", i->domain_dns },    { "upn", i->upn },                   { "logon_server", i->logon_server },
        { "logon_script", i->logon_script }, { "profile_path", i->profile_path }, { "home_directory", i->home_directory },
        { "home_drive", i->home_drive },
    };

    for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
        printf("= %s %s\n", texts[n].name, texts[n].text);
}

void
tellinfo(const struct logon_info *i)
{
    char text[SID_TEXT_MAX];

    printf("= user %s\n= primary_rid %" PRIu32 "\n= user_account_control %08" PRIX32 "\n= is_service_asserted %d\n",
           sid_text(&i->user, text), i->primary_rid, i->user_account_control, i->is_service_asserted);
    tell_texts(i);
    printf("= logon_time %" PRId64 "\n= logoff_time %" PRId64 "\n= kickoff_time %" PRId64 "\n", i->logon_time,
           i->logoff_time, i->kickoff_time);
    printf("= password_last_set %" PRId64 "\n= password_can_change %" PRId64 "\n= password_must_change %" PRId64 "\n",
           i->password_last_set, i->password_can_change, i->password_must_change);
    for (size_t n = 0; n < i->n_groups; n++)
        printf("= group %s %08" PRIX32 "\n", sid_text(&i->groups[n].sid, text), i->groups[n].attributes);
}
