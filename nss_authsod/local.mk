# The parts of lib are compiled once more for the module: hidden, so that calls between them are direct, and in
# sections, so that what it doesn't call stays out of every process.
nss_module_sources = nss_authsod/group.c nss_authsod/initgroups.c nss_authsod/locals.c nss_authsod/lookup.c \
	nss_authsod/map.c nss_authsod/module.h nss_authsod/passwd.c nss_authsod/request.c
nss_lib_sources = lib/base/buf.c lib/base/fd.c lib/base/hash.c lib/base/passwd_file.c lib/base/utf8.c lib/base/wait.c \
	lib/identmap/local_list.c lib/identmap/reader.c lib/identmap/shared.c lib/proto/client.c lib/proto/messages.c \
	lib/proto/proto.c lib/proto/record.c lib/proto/sealed.c lib/proto/text.c

nss_LTLIBRARIES += nss_authsod/libnss_authsod.la
nss_authsod_libnss_authsod_la_SOURCES = $(nss_module_sources) $(nss_lib_sources)
nss_authsod_libnss_authsod_la_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS) -fvisibility=hidden -ffunction-sections -fdata-sections
nss_authsod_libnss_authsod_la_LDFLAGS = $(AM_LDFLAGS) -module -version-info 2:0:0 -no-undefined $(module_whole) \
	-Wl,--gc-sections -Wl,--version-script=$(top_srcdir)/nss_authsod/libnss_authsod.map
EXTRA_nss_authsod_libnss_authsod_la_DEPENDENCIES = nss_authsod/libnss_authsod.map
EXTRA_DIST += nss_authsod/libnss_authsod.map
dist_man_MANS += doc/man/libnss_authsod.8

# The module's sources with another run directory: the one that the program stands in.
nss_here = -UAUTHSOD_RUNDIR -DAUTHSOD_RUNDIR='"."' -DNSS_LOCAL_USERS='"etc-passwd"' \
	-DNSS_LOCAL_GROUPS='"etc-group"'

EXTRA_PROGRAMS += tests/bench/nss_lookup
tests_bench_nss_lookup_SOURCES = tests/bench/nss_lookup.c $(nss_module_sources) $(nss_lib_sources)
tests_bench_nss_lookup_CPPFLAGS = $(AM_CPPFLAGS) $(nss_here)

EXTRA_PROGRAMS += tests/bench/nss_map tests/bench/nss_glibc
tests_bench_nss_map_SOURCES = tests/bench/nss_map.c lib/identmap/writer.c $(nss_module_sources) $(nss_lib_sources)
tests_bench_nss_map_CPPFLAGS = $(AM_CPPFLAGS) $(nss_here)
tests_bench_nss_map_CFLAGS = $(AM_CFLAGS) $(LTO_CFLAGS)
tests_bench_nss_map_LDFLAGS = $(AM_LDFLAGS) -pthread
tests_bench_nss_glibc_SOURCES = tests/bench/nss_glibc.c

EXTRA_LTLIBRARIES += tests/bench/libnss_nothing.la
tests_bench_libnss_nothing_la_SOURCES = tests/bench/nss_nothing.c
tests_bench_libnss_nothing_la_LDFLAGS = $(AM_LDFLAGS) -module -version-info 2:0:0 -rpath $(libdir)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_nss tests/unit/test_nss_map tests/unit/test_nss_process
nss_test_sources = tests/unit/fake_front.c tests/unit/fake_front.h tests/unit/peer.c tests/unit/peer.h \
	$(nss_module_sources) $(nss_lib_sources)
nss_test_cppflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(nss_here) -DNSS_PATIENCE=front_patience \
	-include $(top_srcdir)/tests/unit/fake_front.h
tests_unit_test_nss_SOURCES = tests/unit/test_nss.c $(nss_test_sources)
tests_unit_test_nss_CPPFLAGS = $(nss_test_cppflags)
tests_unit_test_nss_LDADD = $(CMOCKA_LIBS)
tests_unit_test_nss_map_SOURCES = tests/unit/test_nss_map.c lib/identmap/writer.c $(nss_test_sources)
tests_unit_test_nss_map_CPPFLAGS = $(nss_test_cppflags)
tests_unit_test_nss_map_LDADD = $(CMOCKA_LIBS) -lpthread
tests_unit_test_nss_process_SOURCES = tests/unit/test_nss_process.c $(nss_test_sources)
tests_unit_test_nss_process_CPPFLAGS = $(nss_test_cppflags)
tests_unit_test_nss_process_LDADD = $(CMOCKA_LIBS)
endif

TESTS += tests/unit/test_nss_exports.sh
EXTRA_DIST += tests/unit/test_nss_exports.sh
EXTRA_PROGRAMS += tests/system/liarmap tests/system/nsscallers tests/system/nsscount tests/system/nssprobe
tests_system_liarmap_LDADD = lib/identmap/libidentmap.la lib/proto/libproto.la lib/base/libbase.la
tests_system_nsscount_SOURCES = tests/system/nsscount.c
tests_system_nssprobe_SOURCES = tests/system/nssprobe.c
tests_system_nsscallers_SOURCES = tests/system/nsscallers.c
