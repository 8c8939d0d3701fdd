/* SPDX-License-Identifier: Apache-2.0 */
/* The time, for measuring. */
#ifndef MASKCL_BASE_CLOCK_H
#define MASKCL_BASE_CLOCK_H

/* Seconds since some fixed moment, by a clock that is never set. */
double mcl_clock_seconds(void);

#endif
