/* The one place that includes libre: the macros its headers expect, then the umbrella header. */
#ifndef SWITCHROOM_SIP_UA_LIBRE_H
#define SWITCHROOM_SIP_UA_LIBRE_H

#define HAVE_STDINT_H 1
#define HAVE_STDBOOL_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_INET6 1
#define HAVE_PTHREAD 1
#define MBUF_DEBUG_BREAK 0

#include <re/re.h>

#endif
