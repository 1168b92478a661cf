noinst_LTLIBRARIES += lib/proto/libproto.la
lib_proto_libproto_la_SOURCES = lib/proto/client.c lib/proto/client.h lib/proto/messages.c lib/proto/messages.h \
	lib/proto/proto.c lib/proto/proto.h lib/proto/record.c lib/proto/record.h
lib_proto_libproto_la_LIBADD = lib/base/libbase.la
