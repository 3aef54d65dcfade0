/**
 * Processor threads for a station's model. What the recipe asks for; where that is 0, ONNX Runtime's own number for a station alone, and
 * an equal share of the cores, at least one, for each of several: more threads than cores wait for one another.
 */
export function threadsFor(asked: number, cores: number, stations: number): number {
	if (asked !== 0 || stations <= 1) return asked;
	return Math.max(1, Math.floor(cores / stations));
}
