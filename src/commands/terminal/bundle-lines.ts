/** Where a new bundle is, and what to write into the recipe to inspect with it; `place` is its plain name. */
export function bundleLines(place: string, bundle: string, isNamed: boolean): string[] {
	if (isNamed) return [`The bundle is "${bundle}", which "${place}" now leads to.`];
	return [
		`The bundle is "${bundle}"; "${place}" stays what it was.`,
		`To inspect with the new one, write into the recipe: model: ${bundle}`,
	];
}
