/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VERSION_H
#define VERSION_H

#define SLIM_EXPORTER_VERSION "1.0.0"

#endif
