include daemon/config.mk
include daemon/directory.mk

# By itself, because authsodctl has it, too.
noinst_LTLIBRARIES += daemon/libsandbox.la
daemon_libsandbox_la_SOURCES = daemon/sandbox.c daemon/sandbox.h
daemon_libsandbox_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS) $(SECCOMP_CFLAGS)
daemon_libsandbox_la_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)

# Everything but main, so that tests can link what they drive.
noinst_LTLIBRARIES += daemon/libdaemon.la
daemon_libdaemon_la_SOURCES = daemon/card_look.c daemon/card_main.c daemon/card_nt_hash.c daemon/card_reasons.c \
	daemon/card_reasons.h daemon/card_rules.c daemon/card_rules.h daemon/card_worker.h daemon/ccache_main.c daemon/channel.c daemon/channel.h \
	daemon/fallback.c daemon/fallback.h daemon/front.c daemon/front.h daemon/front_cache.c \
	daemon/front_card.c daemon/front_cred.c daemon/front_map.c daemon/front_nss.c daemon/front_outbox.c \
	daemon/front_pam.c daemon/front_pool.c daemon/front_record.c daemon/front_removal.c daemon/front_result.c \
	daemon/front_share.c daemon/ipc.c daemon/ipc.h daemon/ipc_cards.c daemon/ipc_fields.h \
	daemon/ipc_rotate.c daemon/ipc_trusts.c daemon/ipc_verify.c daemon/keeper.c daemon/keeper.h daemon/keeper_ccache.c \
	daemon/keeper_control.c daemon/keeper_local.c daemon/keeper_map.c daemon/keeper_ntlm.c daemon/keeper_requests.c \
	daemon/keeper_rotate.c daemon/keeper_setup.c daemon/keeper_spawn.c daemon/keytab_main.c \
	daemon/local_names.c daemon/local_names.h daemon/logon.c daemon/logon.h daemon/logon_card.c \
	daemon/logon_pass.c daemon/logon_password.c daemon/logon_realm.c daemon/member.c daemon/member.h \
	daemon/member_keytab.c daemon/member_offline.c daemon/member_tgt.c daemon/member_trusts.c daemon/netlogon.c \
	daemon/netlogon.h daemon/netlogon_channel.c daemon/netlogon_key.c daemon/netlogon_rotate.c \
	daemon/netlogon_trusts.c daemon/netlogon_verdict.c daemon/notice.c daemon/notice.h daemon/notify.c \
	daemon/password_key.c daemon/password_key.h daemon/role.c daemon/role.h daemon/session.c \
	daemon/session.h daemon/session_main.c daemon/trusts.c daemon/trusts.h daemon/watch.c daemon/watch.h $(daemon_directory_sources)
daemon_libdaemon_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS) $(SECCOMP_CFLAGS) $(CRYPTO_CFLAGS) \
	$(SYSTEMD_CFLAGS) -DAUTHSOD_VERSION='"$(VERSION)"'
daemon_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
daemon_libs = daemon/libdaemon.la daemon/libsandbox.la daemon/libconfig.la lib/membership/libmembership.la lib/rpc/librpc.la \
	lib/directory/libdirectory.la lib/store/libstore.la lib/cached/libcached.la lib/card/libcard.la lib/krb/libkrb.la lib/ndr/libndr.la lib/sid/libsid.la \
	lib/identmap/libidentmap.la lib/proto/libproto.la lib/base/libbase.la $(KRB5_LIBS) $(LDAP_LIBS) $(SASL_LIBS) \
	$(SQLITE_LIBS) $(IDMAP_LIBS) $(INIH_LIBS) $(SECCOMP_LIBS) $(CRYPTO_LIBS) $(P11_KIT_LIBS) $(TALLOC_LIBS) $(RESOLV_LIBS) \
	$(SYSTEMD_LIBS) -lkeyutils

sbin_PROGRAMS += daemon/authsodd
daemon_authsodd_SOURCES = daemon/main.c
daemon_authsodd_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS)
daemon_authsodd_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
daemon_authsodd_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
daemon_authsodd_LDADD = $(daemon_libs)

dist_man_MANS += doc/man/authsodd.8

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_front_cache tests/unit/test_front_cred tests/unit/test_front_map
check_PROGRAMS += tests/unit/test_front_map_room
check_PROGRAMS += tests/unit/test_fallback tests/unit/test_front_vouch
check_PROGRAMS += tests/unit/test_front_card tests/unit/test_front_card_choice
check_PROGRAMS += tests/unit/test_front_card_workers tests/unit/test_front_removal
tests_unit_test_front_removal_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_removal_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
if HAVE_SD_BUS
check_PROGRAMS += tests/unit/test_session_act
tests_unit_test_session_act_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_session_act_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
endif
check_PROGRAMS += tests/unit/test_watch
tests_unit_test_watch_SOURCES = tests/unit/test_watch.c $(card_fixture) tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h
tests_unit_test_watch_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS) $(P11_KIT_CFLAGS) \
	-DTEST_FAKE_PKCS11='"$(abs_top_builddir)/tests/unit/.libs/fake_pkcs11.so"'
tests_unit_test_watch_LDADD = $(daemon_libs) $(CMOCKA_LIBS) -ldl
EXTRA_tests_unit_test_watch_DEPENDENCIES = tests/unit/fake_pkcs11.la
check_PROGRAMS += tests/unit/test_front_nss tests/unit/test_front_pool tests/unit/test_front_pam tests/unit/test_ipc \
	tests/unit/test_ipc_cards
check_PROGRAMS += tests/unit/test_keeper tests/unit/test_keeper_ccache tests/unit/test_keeper_local tests/unit/test_keeper_map \
	tests/unit/test_keeper_ntlm tests/unit/test_keeper_rotate
check_PROGRAMS += tests/unit/test_local_names tests/unit/test_notice tests/unit/test_password_key
check_PROGRAMS += tests/unit/test_netlogon_channel tests/unit/test_sandbox tests/unit/test_trusts
tests_unit_test_trusts_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_trusts_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_netlogon_channel_SOURCES = tests/unit/test_netlogon_channel.c tests/unit/netlogon_fixture.c \
	tests/unit/netlogon_fixture.h $(fake_controller)
tests_unit_test_netlogon_channel_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_netlogon_channel_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_card_look tests/unit/test_card_offline tests/unit/test_card_worker
card_worker_fixture = tests/unit/card_worker_fixture.c tests/unit/card_worker_fixture.h tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h tests/unit/fake_pkcs11.h
card_worker_cppflags = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS) $(P11_KIT_CFLAGS) \
	-DTEST_FAKE_PKCS11='"$(abs_top_builddir)/tests/unit/.libs/fake_pkcs11.so"'
tests_unit_test_card_look_SOURCES = tests/unit/test_card_look.c $(card_worker_fixture)
tests_unit_test_card_look_CPPFLAGS = $(card_worker_cppflags)
tests_unit_test_card_look_LDADD = $(daemon_libs) $(CMOCKA_LIBS) -ldl
EXTRA_tests_unit_test_card_look_DEPENDENCIES = tests/unit/fake_pkcs11.la
tests_unit_test_card_offline_SOURCES = tests/unit/test_card_offline.c $(card_worker_fixture)
tests_unit_test_card_offline_CPPFLAGS = $(card_worker_cppflags)
tests_unit_test_card_offline_LDADD = $(daemon_libs) $(CMOCKA_LIBS) -ldl
EXTRA_tests_unit_test_card_offline_DEPENDENCIES = tests/unit/fake_pkcs11.la
check_PROGRAMS += tests/unit/test_card_nt_hash
tests_unit_test_card_nt_hash_SOURCES = tests/unit/test_card_nt_hash.c tests/unit/credential_data.h $(card_worker_fixture)
tests_unit_test_card_nt_hash_CPPFLAGS = $(card_worker_cppflags)
tests_unit_test_card_nt_hash_LDADD = $(daemon_libs) $(CMOCKA_LIBS) -ldl
EXTRA_tests_unit_test_card_nt_hash_DEPENDENCIES = tests/unit/fake_pkcs11.la
check_PROGRAMS += tests/unit/test_member_offline
tests_unit_test_member_offline_SOURCES = tests/unit/test_member_offline.c tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h
tests_unit_test_member_offline_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_member_offline_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_front_offline
tests_unit_test_front_offline_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_offline_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_card_worker_SOURCES = tests/unit/test_card_worker.c $(card_worker_fixture)
tests_unit_test_card_worker_CPPFLAGS = $(card_worker_cppflags)
tests_unit_test_card_worker_LDADD = $(daemon_libs) $(CMOCKA_LIBS) -ldl
EXTRA_tests_unit_test_card_worker_DEPENDENCIES = tests/unit/fake_pkcs11.la
check_LTLIBRARIES += tests/unit/libfront.la
tests_unit_libfront_la_SOURCES = tests/unit/front_fixture.c tests/unit/front_fixture.h tests/unit/card_stage.c \
	tests/unit/card_stage.h
tests_unit_libfront_la_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_nss_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_nss_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_vouch_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_vouch_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_fallback_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_fallback_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_pool_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_pool_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_card_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_card_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_card_choice_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_card_choice_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_card_workers_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_card_workers_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_map_SOURCES = tests/unit/test_front_map.c tests/unit/front_map_fixture.c \
	tests/unit/front_map_fixture.h
tests_unit_test_front_map_room_SOURCES = tests/unit/test_front_map_room.c tests/unit/front_map_fixture.c \
	tests/unit/front_map_fixture.h
tests_unit_test_front_map_room_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_map_room_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_map_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_map_LDADD = tests/unit/libfront.la $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_cache_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_cache_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_cred_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_cred_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_front_pam_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_front_pam_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_ipc_SOURCES = tests/unit/test_ipc.c tests/unit/only_whole.h
tests_unit_test_ipc_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ipc_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_ipc_cards_SOURCES = tests/unit/test_ipc_cards.c tests/unit/only_whole.h
tests_unit_test_ipc_cards_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ipc_cards_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
keeper_fixture = tests/unit/keeper_fixture.c tests/unit/keeper_fixture.h
tests_unit_test_keeper_SOURCES = tests/unit/test_keeper.c $(keeper_fixture)
tests_unit_test_keeper_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keeper_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_keeper_ccache_SOURCES = tests/unit/test_keeper_ccache.c $(keeper_fixture)
tests_unit_test_keeper_ccache_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keeper_ccache_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
keeper_files = tests/unit/keeper_files.c tests/unit/keeper_files.h
tests_unit_test_keeper_local_SOURCES = tests/unit/test_keeper_local.c $(keeper_files)
tests_unit_test_keeper_local_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keeper_local_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_keeper_map_SOURCES = tests/unit/test_keeper_map.c $(keeper_files)
tests_unit_test_keeper_map_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keeper_map_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_keeper_ntlm_SOURCES = tests/unit/test_keeper_ntlm.c $(keeper_files)
tests_unit_test_keeper_ntlm_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keeper_ntlm_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_keeper_rotate_SOURCES = tests/unit/test_keeper_rotate.c tests/unit/rotation_stage.c \
	tests/unit/rotation_stage.h tests/unit/secret_words.c tests/unit/secret_words.h $(keeper_files)
tests_unit_test_keeper_rotate_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_keeper_rotate_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_password_key_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_password_key_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_sandbox_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sandbox_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_local_names_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_local_names_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
tests_unit_test_notice_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_notice_LDADD = $(daemon_libs) $(CMOCKA_LIBS)
endif

fuzz_targets += tests/fuzz/fuzz_ipc tests/fuzz/fuzz_trusts
tests_fuzz_fuzz_trusts_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS)
tests_fuzz_fuzz_trusts_LDADD = $(fuzz_main) $(daemon_libs)
tests_fuzz_fuzz_ipc_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS)
tests_fuzz_fuzz_ipc_LDADD = $(fuzz_main) $(daemon_libs)

EXTRA_PROGRAMS += tests/bench/bench_logon
tests_bench_bench_logon_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS)
tests_bench_bench_logon_LDADD = $(KRB5_LIBS) -lpam

# What talks to authsodd as it should not, and what does so in its place.
EXTRA_PROGRAMS += tests/system/liarfront tests/system/traitor
tests_system_liarfront_LDADD = lib/proto/libproto.la lib/base/libbase.la
tests_system_traitor_CPPFLAGS = $(daemon_libdaemon_la_CPPFLAGS)
tests_system_traitor_LDADD = $(daemon_libs)

# A PKCS#11 module with faults, for tests/system/57-card-logon.bats.
noinst_LTLIBRARIES += tests/system/faulty_pkcs11.la
tests_system_faulty_pkcs11_la_SOURCES = tests/system/faulty_pkcs11.c
tests_system_faulty_pkcs11_la_CPPFLAGS = $(AM_CPPFLAGS) $(P11_KIT_CFLAGS)
tests_system_faulty_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_system_faulty_pkcs11_la_LIBADD = -ldl
