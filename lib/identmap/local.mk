# The module compiles what it reads with once more: shared.c, reader.c, local_list.c.
noinst_LTLIBRARIES += lib/identmap/libidentmap.la
lib_identmap_libidentmap_la_SOURCES = lib/identmap/format.h lib/identmap/key.h lib/identmap/local_list.c \
	lib/identmap/local_list.h lib/identmap/reader.c lib/identmap/reader.h lib/identmap/shared.c lib/identmap/shared.h \
	lib/identmap/writer.c lib/identmap/writer.h
lib_identmap_libidentmap_la_LIBADD = lib/proto/libproto.la

map_fixture = tests/unit/map_fixture.c tests/unit/map_fixture.h
fuzz_targets += tests/fuzz/fuzz_identmap tests/fuzz/fuzz_identmap_pair
tests_fuzz_fuzz_identmap_SOURCES = tests/fuzz/fuzz_identmap.c $(map_fixture)
tests_fuzz_fuzz_identmap_LDADD = $(fuzz_main) lib/identmap/libidentmap.la
tests_fuzz_fuzz_identmap_pair_SOURCES = tests/fuzz/fuzz_identmap_pair.c $(map_fixture)
tests_fuzz_fuzz_identmap_pair_LDADD = $(fuzz_main) lib/identmap/libidentmap.la

EXTRA_PROGRAMS += tests/unit/identmap_stress
tests_unit_identmap_stress_SOURCES = tests/unit/identmap_stress.c tests/unit/stress_records.c \
	tests/unit/stress_records.h
tests_unit_identmap_stress_LDADD = lib/identmap/libidentmap.la -lpthread

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_shared tests/unit/test_identmap tests/unit/test_identmap_damage tests/unit/test_local_list
tests_unit_test_shared_SOURCES = tests/unit/test_shared.c tests/unit/peer.c tests/unit/peer.h
tests_unit_test_shared_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shared_LDADD = lib/identmap/libidentmap.la $(CMOCKA_LIBS) -lpthread
tests_unit_test_identmap_SOURCES = tests/unit/test_identmap.c $(map_fixture)
tests_unit_test_identmap_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_identmap_LDADD = lib/identmap/libidentmap.la $(CMOCKA_LIBS)
tests_unit_test_identmap_damage_SOURCES = tests/unit/test_identmap_damage.c $(map_fixture)
tests_unit_test_identmap_damage_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_identmap_damage_LDADD = lib/identmap/libidentmap.la $(CMOCKA_LIBS)
tests_unit_test_local_list_SOURCES = tests/unit/test_local_list.c
tests_unit_test_local_list_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_local_list_LDADD = lib/identmap/libidentmap.la $(CMOCKA_LIBS)
endif
