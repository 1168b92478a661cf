noinst_LTLIBRARIES += lib/store/libstore.la
lib_store_libstore_la_SOURCES = lib/store/card.c lib/store/fact.c lib/store/group.c lib/store/query.c lib/store/schema.c \
	lib/store/store.c lib/store/store.h lib/store/store_db.h lib/store/user.c
lib_store_libstore_la_CFLAGS = $(AM_CFLAGS) $(TALLOC_CFLAGS) $(SQLITE_CFLAGS)
lib_store_libstore_la_LIBADD = lib/sid/libsid.la lib/base/libbase.la $(TALLOC_LIBS) $(SQLITE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_store tests/unit/test_store_damage tests/unit/test_store_steps
tests_unit_test_store_SOURCES = tests/unit/store_fixture.c tests/unit/store_fixture.h tests/unit/test_store.c
tests_unit_test_store_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_LDADD = lib/store/libstore.la $(SQLITE_LIBS) $(TALLOC_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_damage_SOURCES = tests/unit/store_fixture.c tests/unit/store_fixture.h \
	tests/unit/test_store_damage.c
tests_unit_test_store_damage_CPPFLAGS = $(tests_unit_test_store_CPPFLAGS)
tests_unit_test_store_damage_LDADD = $(tests_unit_test_store_LDADD)
tests_unit_test_store_steps_SOURCES = tests/unit/store_fixture.c tests/unit/store_fixture.h \
	tests/unit/test_store_steps.c
tests_unit_test_store_steps_CPPFLAGS = $(tests_unit_test_store_CPPFLAGS)
tests_unit_test_store_steps_LDADD = $(tests_unit_test_store_LDADD)
endif
