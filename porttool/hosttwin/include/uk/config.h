/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_CONFIG_H__
#define __UK_CONFIG_H__

/* Written by kconfig.py */
#include <uk/bits/config.h>

#endif /* __UK_CONFIG_H__ */
