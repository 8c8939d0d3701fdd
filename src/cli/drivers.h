/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers that end the process where they have no memory, or no threads. */
#ifndef MASKCL_CLI_DRIVERS_H
#define MASKCL_CLI_DRIVERS_H

/* To be called before the first driver is loaded, and after mcl_streams_open(). Where a limit keeps
 * memory from the process (ulimit -v, or a system that does not overcommit), a driver that then
 * aborts, throws what nobody catches, or crashes ends the program with one line and exit code 1; so
 * does one that aborts or crashes where a limit allows no more threads. */
void mcl_survive_drivers(void);

#endif
