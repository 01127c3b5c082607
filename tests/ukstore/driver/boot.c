/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the calls that stand behind "--" on the command line, and ends. */
#include <stdlib.h>
#include <uk/init.h>

#include "driver.h"

static int make_calls(struct uk_init_ctx *ctx)
{
	exit(vectors(ctx->cmdline.argc, ctx->cmdline.argv));
}
uk_late_initcall(make_calls, 0x0);
