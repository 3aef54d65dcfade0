/** Works on all items, on so many `atOnce` at most; results in the order of the items. @throws what work throws first */
export async function inLanes<T, R>(
	items: readonly T[],
	atOnce: number,
	work: (item: T) => Promise<R>,
): Promise<R[]> {
	const results: R[] = [];
	const left = items.entries();
	const lane = async () => {
		for (const [i, item] of left) results[i] = await work(item);
	};
	await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
	return results;
}
