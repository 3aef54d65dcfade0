/** Milliseconds of the clock that never jumps, the same in all processes of a machine (CLOCK_MONOTONIC of clock_gettime(2)). */
export function machineMs(): number {
	return Number(process.hrtime.bigint()) / 1e6;
}
