/* Runs the probes whose function was linked, from the one that the command line names on, and
 * says of each how it went: a probe that crashes or hangs is the last one begun. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

long returned;

int main(int argc, char **argv)
{
	size_t number = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("\n@start %zu\n", number);
	for (; number < probe_count; number++) {
		const struct probe *probe = &probes[number];
		int verdict, error;

		if (!probe->run || !is_linked(number)) {
			printf("\n@unlinked %s\n", probe->name);
			continue;
		}
		printf("\n@begin %s\n", probe->name);
		returned = 0;
		errno = 0;
		verdict = probe->run();
		error = errno;
		printf("\n@end %s %d %ld %d\n", probe->name, verdict, returned, error);
	}
	printf("\n@done\n");
	return 0;
}
