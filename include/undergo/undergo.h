/* SPDX-License-Identifier: MIT */
/* undergo/undergo.h: everything. */
#ifndef UNDERGO_UNDERGO_H
#define UNDERGO_UNDERGO_H

#include <undergo/base.h>
#include <undergo/http.h>
#include <undergo/io.h>
#include <undergo/net.h>
#include <undergo/os.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

#endif
