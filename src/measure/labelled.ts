/** The kind of the pictures without a defect. */
export const GOOD = 'good';

/** A picture of which somebody said what it shows. */
export type LabelledPicture = {
	readonly path: string;
	/** Its path below the folder of labelled pictures. */
	readonly name: string;
	/** GOOD, or the defect's name. */
	readonly kind: string;
	/** Where the mask of its defect lies, null where there is none. */
	readonly mask: string | null;
};

export function isDefective({ kind }: Pick<LabelledPicture, 'kind'>): boolean {
	return kind !== GOOD;
}
