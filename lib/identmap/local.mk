# The module compiles what it reads with once more: shared.c, reader.c, local_list.c.
noinst_LTLIBRARIES += lib/identmap/libidentmap.la
lib_identmap_libidentmap_la_SOURCES = lib/identmap/format.h lib/identmap/key.h lib/identmap/local_list.c \
	lib/identmap/local_list.h lib/identmap/reader.c lib/identmap/reader.h lib/identmap/shared.c lib/identmap/shared.h \
	lib/identmap/writer.c lib/identmap/writer.h
lib_identmap_libidentmap_la_LIBADD = lib/proto/libproto.la
