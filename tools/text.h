/* Sentences in the language of who asks. */
#ifndef AUTHSOD_TOOLS_TEXT_H
#define AUTHSOD_TOOLS_TEXT_H

#include <libintl.h>

#define _(s) gettext(s)

#endif
