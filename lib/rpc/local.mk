noinst_LTLIBRARIES += lib/rpc/librpc.la
lib_rpc_librpc_la_SOURCES = lib/rpc/epm.c lib/rpc/epm.h lib/rpc/failure.c lib/rpc/failure.h lib/rpc/lsa.c lib/rpc/lsa.h \
	lib/rpc/netlogon.h lib/rpc/netlogon_crypt.c lib/rpc/netlogon_crypt.h lib/rpc/netlogon_domain.c \
	lib/rpc/netlogon_logon.c lib/rpc/netlogon_ndr.h lib/rpc/netlogon_put.c lib/rpc/netlogon_read.c \
	lib/rpc/netlogon_session.c lib/rpc/netlogon_session.h lib/rpc/nt_hash.c lib/rpc/nt_hash.h lib/rpc/ntstatus.c \
	lib/rpc/ntstatus.h lib/rpc/pdu.c lib/rpc/pdu.h lib/rpc/rpc.c lib/rpc/rpc.h lib/rpc/schannel.c lib/rpc/schannel.h
lib_rpc_librpc_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
lib_rpc_librpc_la_LIBADD = lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la $(CRYPTO_LIBS) $(TALLOC_LIBS)

# lib/rpc against a real domain, for tests/system/35-rpc.bats.
noinst_PROGRAMS += tests/system/rpcprobe
tests_system_rpcprobe_SOURCES = tests/system/rpcprobe.c tests/system/tellinfo.c tests/system/tellinfo.h
tests_system_rpcprobe_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_system_rpcprobe_LDADD = lib/rpc/librpc.la lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_epm tests/fuzz/fuzz_rpc_pdu
tests_fuzz_fuzz_epm_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_epm_LDADD = $(fuzz_main) lib/rpc/librpc.la
tests_fuzz_fuzz_rpc_pdu_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_rpc_pdu_LDADD = $(fuzz_main) lib/rpc/librpc.la
fuzz_targets += tests/fuzz/fuzz_lsa tests/fuzz/fuzz_netlogon
tests_fuzz_fuzz_lsa_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_lsa_LDADD = $(fuzz_main) lib/rpc/librpc.la $(TALLOC_LIBS)
tests_fuzz_fuzz_netlogon_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_netlogon_LDADD = $(fuzz_main) lib/rpc/librpc.la lib/sid/libsid.la $(TALLOC_LIBS)

EXTRA_PROGRAMS += tests/fuzz/make_rpc_corpus
tests_fuzz_make_rpc_corpus_SOURCES = tests/fuzz/make_rpc_corpus.c tests/unit/netlogon_builder.c \
	tests/unit/netlogon_builder.h
tests_fuzz_make_rpc_corpus_LDADD = lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la
CLEANFILES += tests/fuzz/make_rpc_corpus$(EXEEXT)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_rpc tests/unit/test_rpc_crypt tests/unit/test_rpc_pdu
tests_unit_test_rpc_SOURCES = tests/unit/test_rpc.c tests/unit/fake_rpc.c tests/unit/fake_rpc.h
tests_unit_test_rpc_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_rpc_LDADD = lib/rpc/librpc.la lib/base/libbase.la $(CMOCKA_LIBS) $(TALLOC_LIBS)
tests_unit_test_rpc_crypt_SOURCES = tests/unit/test_rpc_crypt.c
tests_unit_test_rpc_crypt_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_rpc_crypt_LDADD = lib/rpc/librpc.la $(CMOCKA_LIBS) $(TALLOC_LIBS)
tests_unit_test_rpc_pdu_SOURCES = tests/unit/test_rpc_pdu.c
tests_unit_test_rpc_pdu_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_rpc_pdu_LDADD = lib/rpc/librpc.la lib/ndr/libndr.la lib/base/libbase.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_netlogon tests/unit/test_netlogon_session
tests_unit_test_netlogon_SOURCES = tests/unit/test_netlogon.c tests/unit/netlogon_builder.c tests/unit/netlogon_builder.h
tests_unit_test_netlogon_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_netlogon_LDADD = lib/rpc/librpc.la lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la \
	$(CMOCKA_LIBS) $(TALLOC_LIBS)
fake_controller = tests/unit/fake_controller.c tests/unit/fake_controller.h tests/unit/fake_rpc.c tests/unit/fake_rpc.h \
	tests/unit/netlogon_builder.c tests/unit/netlogon_builder.h
tests_unit_test_netlogon_session_SOURCES = tests/unit/test_netlogon_session.c $(fake_controller)
tests_unit_test_netlogon_session_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_netlogon_session_LDADD = lib/rpc/librpc.la lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la \
	$(CMOCKA_LIBS) $(TALLOC_LIBS)
endif
