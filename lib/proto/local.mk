noinst_LTLIBRARIES += lib/proto/libproto.la
lib_proto_libproto_la_SOURCES = lib/proto/client.c lib/proto/client.h lib/proto/control.c lib/proto/control.h \
	lib/proto/messages.c lib/proto/messages.h \
	lib/proto/proto.c lib/proto/proto.h lib/proto/record.c lib/proto/record.h lib/proto/sealed.c lib/proto/sealed.h \
	lib/proto/text.c lib/proto/text.h
lib_proto_libproto_la_LIBADD = lib/base/libbase.la

fuzz_targets += tests/fuzz/fuzz_proto tests/fuzz/fuzz_record
tests_fuzz_fuzz_proto_LDADD = $(fuzz_main) lib/proto/libproto.la
tests_fuzz_fuzz_record_LDADD = $(fuzz_main) lib/proto/libproto.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_proto tests/unit/test_record tests/unit/test_client
tests_unit_test_proto_SOURCES = tests/unit/test_proto.c
tests_unit_test_proto_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_proto_LDADD = lib/proto/libproto.la $(CMOCKA_LIBS)
tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_record_LDADD = lib/proto/libproto.la $(CMOCKA_LIBS)
tests_unit_test_client_SOURCES = tests/unit/test_client.c tests/unit/peer.c tests/unit/peer.h
tests_unit_test_client_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_client_LDADD = lib/proto/libproto.la $(CMOCKA_LIBS)
endif
