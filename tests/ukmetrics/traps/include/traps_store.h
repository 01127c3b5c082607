/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __TRAPS_STORE_H__
#define __TRAPS_STORE_H__

#define TRAPS_U8	1
#define TRAPS_S8	2
#define TRAPS_U16	3
#define TRAPS_S16	4
#define TRAPS_U32	5
#define TRAPS_S32	6
#define TRAPS_U64	7
#define TRAPS_S64	8
#define TRAPS_CHARP	9
#define TRAPS_FAILING	10
#define TRAPS_NO_GETTER	11
#define TRAPS_ZERO	12
#define TRAPS_NEVER	13
#define TRAPS_NEVER_EVEN 14

#define TRAPS_OBJ_A	1
#define TRAPS_OBJ_B	2

#endif /* __TRAPS_STORE_H__ */
