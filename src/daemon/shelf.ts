import { Failure } from '../base/failure.js';
import { bundleFolders } from '../config/allowed.js';
import type { BundlesWorld } from '../control/requests/bundles.js';
import type { BundleSeen } from '../control/shelf.js';
import { assertWhole, bundlesIn, describeBundle, placeOf } from '../disk/bundle.js';

/** The bundles on this box, as requests see them. */
export function shelfOf(editor: BundlesWorld['editor']): Omit<BundlesWorld, 'editor'> {
	return { folders: () => bundleFolders(editor().current().config), bundlesIn, look, placeOf };
}

/** What a bundle says of itself, and what of it is missing. @throws Failure bundle-invalid */
async function look(place: string): Promise<BundleSeen> {
	const described = await describeBundle(place);
	const lacks = await assertWhole(described).then(
		() => null,
		(thrown) => {
			if (thrown instanceof Failure) return thrown;
			throw thrown;
		},
	);
	return { ...described, lacks };
}
