# The role `directory`; daemon/local.mk puts it into authsodd.
daemon_directory_core = daemon/dir_card.c daemon/dir_dc.c daemon/dir_domain.c daemon/dir_foreign.c daemon/dir_group.c daemon/dir_trust.c daemon/dir_learn.c daemon/dir_link.c \
	daemon/dir_lookup.c daemon/dir_name.c daemon/dir_namesake.c daemon/dir_pending.c daemon/dir_record.c daemon/dir_resource.c \
	daemon/dir_state.c \
	daemon/dir_user.c daemon/directory.c daemon/directory.h
daemon_directory_sources = $(daemon_directory_core) daemon/dir_ping.c daemon/dir_ticket.c

# The test has a domain of its own in place of lib/directory, dir_ping.c and dir_ticket.c.
if HAVE_CMOCKA
check_LTLIBRARIES += tests/unit/libdirrole.la
tests_unit_libdirrole_la_SOURCES = tests/unit/dirrole.h tests/unit/dirrole_domain.c tests/unit/dirrole_fixture.c \
	$(daemon_directory_core) daemon/channel.c daemon/channel.h daemon/ipc.c daemon/ipc.h \
	daemon/ipc_cards.c daemon/ipc_trusts.c daemon/ipc_verify.c daemon/trusts.c daemon/trusts.h \
	daemon/local_names.c daemon/local_names.h
tests_unit_libdirrole_la_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_libdirrole_la_LIBADD = daemon/libconfig.la lib/store/libstore.la lib/ndr/libndr.la lib/sid/libsid.la \
	lib/proto/libproto.la lib/base/libbase.la $(TALLOC_LIBS)

check_PROGRAMS += tests/unit/test_dirrole tests/unit/test_dirrole_away tests/unit/test_dirrole_resource
check_PROGRAMS += tests/unit/test_dirrole_trusts
tests_unit_test_dirrole_resource_CPPFLAGS = $(tests_unit_libdirrole_la_CPPFLAGS)
tests_unit_test_dirrole_resource_LDADD = tests/unit/libdirrole.la $(CMOCKA_LIBS)
tests_unit_test_dirrole_trusts_CPPFLAGS = $(tests_unit_libdirrole_la_CPPFLAGS)
tests_unit_test_dirrole_trusts_LDADD = tests/unit/libdirrole.la $(CMOCKA_LIBS)
tests_unit_test_dirrole_CPPFLAGS = $(tests_unit_libdirrole_la_CPPFLAGS)
tests_unit_test_dirrole_LDADD = tests/unit/libdirrole.la $(CMOCKA_LIBS)
tests_unit_test_dirrole_away_CPPFLAGS = $(tests_unit_libdirrole_la_CPPFLAGS)
tests_unit_test_dirrole_away_LDADD = tests/unit/libdirrole.la $(CMOCKA_LIBS)
endif
