/* SPDX-License-Identifier: MIT */
/* The switch of the architecture that is built for. */
#ifndef UG_STACK_SWITCH_H
#define UG_STACK_SWITCH_H

#include "config.h"
#include UG_SWITCH_H

#endif
