pam_authsod_sources = pam_authsod/public.c pam_authsod/call.c pam_authsod/call.h pam_authsod/choice.c \
	pam_authsod/choice.h pam_authsod/codes.c \
	pam_authsod/codes.h pam_authsod/conversation.c pam_authsod/conversation.h pam_authsod/logon.c pam_authsod/logon.h \
	pam_authsod/operations.c pam_authsod/operations.h pam_authsod/options.c pam_authsod/options.h \
	pam_authsod/sentence.c pam_authsod/sentence.h pam_authsod/users.c pam_authsod/users.h
# The parts of lib are compiled once more for the module: hidden, and in sections, so that what it doesn't call stays out.
pam_lib_sources = lib/base/buf.c lib/base/fd.c lib/base/passwd_file.c lib/base/secret.c lib/base/utf8.c \
	lib/base/visible.c lib/base/wait.c lib/proto/client.c lib/proto/messages.c lib/proto/proto.c lib/proto/text.c
pam_authsod_cflags = $(AM_CFLAGS) -fvisibility=hidden -ffunction-sections -fdata-sections
pam_authsod_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared $(module_whole) -Wl,--gc-sections \
	-Wl,--version-script=$(top_srcdir)/pam_authsod/pam_authsod.map

pam_LTLIBRARIES += pam_authsod/pam_authsod.la
pam_authsod_pam_authsod_la_SOURCES = $(pam_authsod_sources) $(pam_lib_sources)
pam_authsod_pam_authsod_la_CFLAGS = $(pam_authsod_cflags)
pam_authsod_pam_authsod_la_LDFLAGS = $(pam_authsod_ldflags)
pam_authsod_pam_authsod_la_LIBADD = -lpam
EXTRA_pam_authsod_pam_authsod_la_DEPENDENCIES = pam_authsod/pam_authsod.map
EXTRA_DIST += pam_authsod/pam_authsod.map dist/authsod.pam-config dist/authsod-password.pam-config
dist_man_MANS += doc/man/pam_authsod.8

if HAVE_CMOCKA
# The module once more, in a world of the tests' own: paths relative to a folder that they make, less patience.
check_LTLIBRARIES += tests/unit/pam/libpamparts.la tests/unit/pam/pam_under_test.la tests/unit/pam/neighbour.la
tests_unit_pam_libpamparts_la_SOURCES = $(pam_authsod_sources) $(pam_lib_sources)
tests_unit_pam_libpamparts_la_CPPFLAGS = $(AM_CPPFLAGS) -UAUTHSOD_RUNDIR -DAUTHSOD_RUNDIR='"run"' \
	-ULOCALEDIR -DLOCALEDIR='"locale"' -DUSERS_LOCAL_FILE='"etc-passwd"' -DCONVERSATION_DAEMON_MS=1500 \
	-DCONVERSATION_NAMELESS_MS=500 -DCONVERSATION_FIRST_MS=1200
tests_unit_pam_libpamparts_la_CFLAGS = $(pam_authsod_cflags)
tests_unit_pam_pam_under_test_la_SOURCES =
tests_unit_pam_pam_under_test_la_LDFLAGS = $(pam_authsod_ldflags) -rpath /nowhere
tests_unit_pam_pam_under_test_la_LIBADD = tests/unit/pam/libpamparts.la -lpam
tests_unit_pam_neighbour_la_SOURCES = tests/unit/pam/neighbour.c
tests_unit_pam_neighbour_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_unit_pam_neighbour_la_LIBADD = -lpam

check_PROGRAMS += tests/unit/test_pam tests/unit/test_pam_parts
tests_unit_test_pam_SOURCES = tests/unit/pam/test_pam.c tests/unit/pam/application.c tests/unit/pam/application.h \
	tests/unit/pam/fake_daemon.c tests/unit/pam/fake_daemon.h tests/unit/pam/script.c tests/unit/pam/script.h \
	tests/unit/pam/workplace.c tests/unit/pam/workplace.h tests/unit/pam/world.c tests/unit/pam/world.h
tests_unit_test_pam_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) -UAUTHSOD_RUNDIR -DAUTHSOD_RUNDIR='"run"' \
	-DTEST_PAM_SCRIPTS='"$(abs_top_srcdir)/tests/unit/pam/scripts"' \
	-DTEST_PAM_MODULE='"$(abs_top_builddir)/tests/unit/pam/.libs/pam_under_test.so"' \
	-DTEST_PAM_NEIGHBOUR='"$(abs_top_builddir)/tests/unit/pam/.libs/neighbour.so"' \
	-DTEST_PAM_GERMAN='"$(abs_top_builddir)/tests/unit/pam/de.mo"'
# The module finds the test's own pam_syslog, getpwnam and getsockopt.
tests_unit_test_pam_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
tests_unit_test_pam_LDADD = lib/proto/libproto.la $(CMOCKA_LIBS) -lpam -ldl
EXTRA_tests_unit_test_pam_DEPENDENCIES = tests/unit/pam/pam_under_test.la tests/unit/pam/neighbour.la \
	tests/unit/pam/de.mo
tests_unit_test_pam_parts_SOURCES = tests/unit/test_pam_parts.c tests/unit/pam/workplace.c tests/unit/pam/workplace.h
tests_unit_test_pam_parts_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) \
	-DTEST_PAM_GERMAN='"$(abs_top_builddir)/tests/unit/pam/de.mo"'
tests_unit_test_pam_parts_LDADD = tests/unit/pam/libpamparts.la $(CMOCKA_LIBS) -lpam
EXTRA_tests_unit_test_pam_parts_DEPENDENCIES = tests/unit/pam/de.mo

tests/unit/pam/de.mo: po/de.po
	$(AM_V_GEN)$(MKDIR_P) tests/unit/pam && $(MSGFMT) -c -o $@ $(srcdir)/po/de.po
CLEANFILES += tests/unit/pam/de.mo
endif

TESTS += tests/unit/test_pam_exports.sh
EXTRA_DIST += tests/unit/test_pam_exports.sh tests/unit/pam/README tests/unit/pam/scripts
