# Everything but main, so that tests can link it.
noinst_LTLIBRARIES += tools/libctl.la
tools_libctl_la_SOURCES = tools/ctl.c tools/ctl.h tools/enable.c tools/errors.h tools/join.c tools/join.h \
	tools/join_network.c tools/leave.c tools/net.c tools/net.h tools/net_locate.c tools/options.c tools/options.h \
	tools/os_release.c tools/os_release.h tools/prompt.c tools/report.c tools/report.h tools/rotate.c tools/session.c \
	tools/session.h tools/status.c tools/talk.c tools/talk.h tools/testjoin.c tools/testjoin.h \
	tools/testjoin_channel.c tools/text.h
tools_libctl_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tools_libctl_la_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
ctl_libs = tools/libctl.la daemon/libsandbox.la daemon/libconfig.la lib/membership/libmembership.la lib/directory/libdirectory.la \
	lib/krb/libkrb.la lib/rpc/librpc.la lib/ndr/libndr.la lib/sid/libsid.la lib/proto/libproto.la lib/base/libbase.la $(KRB5_LIBS) \
	$(LDAP_LIBS) $(SASL_LIBS) $(INIH_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS) $(RESOLV_LIBS) $(SECCOMP_LIBS) \
	$(LTLIBINTL)

sbin_PROGRAMS += tools/authsodctl
tools_authsodctl_SOURCES = tools/main.c
tools_authsodctl_CPPFLAGS = $(tools_libctl_la_CPPFLAGS) -DAUTHSOD_VERSION='"$(VERSION)"'
tools_authsodctl_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS)
tools_authsodctl_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
tools_authsodctl_LDADD = $(ctl_libs)

dist_man_MANS += doc/man/authsodctl.8
EXTRA_DIST += dist/authsodctl.bash

fuzz_targets += tests/fuzz/fuzz_ctl_talk
tests_fuzz_fuzz_ctl_talk_LDADD = $(fuzz_main) $(ctl_libs)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_ctl tests/unit/test_session
tests_unit_test_session_CPPFLAGS = $(tools_libctl_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_session_LDADD = $(ctl_libs) $(CMOCKA_LIBS)
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c
tests_unit_test_ctl_CPPFLAGS = $(tools_libctl_la_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ctl_LDADD = $(ctl_libs) $(CMOCKA_LIBS)
endif
