/** What the name of a folder says of the pictures in it. */
export type Meaning = 'good' | 'defective' | 'unclear' | 'masks' | 'train' | 'test' | 'nothing';

/** Words in small letters without what stands between them: `n.i.O.` is `nio`. What people call such folders, in several languages. */
const WORDS: Readonly<Record<Exclude<Meaning, 'nothing'>, string>> = {
	good: `good goods ok okay oks pass passed passes normal healthy accept accepted acceptable intact flawless perfect clean io inordnung gut gute
		guten gutteil gutteile fehlerfrei normalteile conform conforme conformes conforming bon bonne bons bonnes buono buona buoni bueno buena
		buenos bom goed bra dobre defectfree faultfree nodefect nodefects nodefekt withoutdefect withoutdefects nonfaulty nondefective nonanomalous
		合格 良品 良 正常 好 合格品 ok品`,
	defective: `bad ng nok ko nio notok notokay notgood nogood notpassed fail failed fails failure failures faulty fault faults reject rejects
		rejected rejection defect defects defective defectives anomaly anomalies anomalous anomal anomale anomalie abnormal abnormality broken
		damage damaged scrap schlecht schlechte schlechtteil schlechtteile ausschuss fehler fehlerhaft defekt defekte nichtinordnung mauvais
		mauvaise rebut rebuts defaut defauts defectueux malo mala malos defecto defectos defectuoso difetto difetti difettoso scarto scarti
		nonconforming nonconform nonconforme nonconformity unacceptable unhealthy incorrect wrong dirty nichtgut
		scratch scratches scratched crack cracks cracked dent dents dented stain stains stained contamination contaminated burr burrs rust rusty
		corrosion misprint misprints kratzer riss risse delle dellen grat verschmutzt verschmutzung rayure rayures fissure fissures
		ng品 不良 不良品 不合格 不合格品 次品 异常 缺陷 異常 欠陥`,
	unclear:
		'positive negative positives negatives pos neg true false yes no unknown unlabeled unlabelled unsorted mixed',
	masks: 'groundtruth gt mask masks label labels annotation annotations segmentation segmentations labelmask',
	train: 'train training',
	test: 'test tests testing testpublic',
};

const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
	(Object.entries(WORDS) as [Meaning, string][]).flatMap(([meaning, words]) =>
		words.split(/\s+/).map((word) => [word.toLowerCase(), meaning] as const),
	),
);
const NEGATIONS: ReadonlySet<string> = new Set([
	'not',
	'no',
	'non',
	'nicht',
	'kein',
	'keine',
	'ohne',
	'without',
	'n',
]);

/** The meaning of a name as a whole, whatever its case and what stands between its letters. */
export function wholeMeaning(name: string): Meaning {
	return MEANINGS.get(compact(name)) ?? 'nothing';
}

/** The same, also of a name that has such a word among others (`NG_parts`, `line 2 not ok`). */
export function meaningOf(name: string): Meaning {
	const whole = wholeMeaning(name);
	if (whole !== 'nothing') return whole;
	const words = wordsOf(name);
	const found = new Set(words.map((word, i) => negatedBy(words[i - 1], judgement(word))));
	return found.has('defective') ? 'defective' : found.has('good') ? 'good' : 'nothing';
}

function judgement(word: string): Meaning {
	const meaning = MEANINGS.get(word) ?? 'nothing';
	return meaning === 'good' || meaning === 'defective' ? meaning : 'nothing';
}

function negatedBy(before: string | undefined, meaning: Meaning): Meaning {
	if (before === undefined || !NEGATIONS.has(before)) return meaning;
	return meaning === 'good' ? 'defective' : meaning === 'defective' ? 'good' : meaning;
}

function compact(name: string): string {
	return plain(name).replace(/[^\p{L}\p{N}]/gu, '');
}

/** Runs of letters and of digits; a capital after a small letter begins one. */
function wordsOf(name: string): string[] {
	const spelled = plain(name.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2'));
	const short = spelled.replace(/(?<!\p{L})(n[ ._-]*)?i[ ._-]*o(?!\p{L})/gu, (_, not) =>
		not === undefined ? 'io' : 'nio',
	);
	return short.match(/\p{L}+|\p{N}+/gu) ?? [];
}

function plain(name: string): string {
	return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** What systems and their programs leave in folders. */
const LEFT_BEHIND: ReadonlySet<string> = new Set(
	`@eadir #recycle #snapshot @recycle @recently-snapshot $recycle.bin recycler recycled __macosx lost+found thumbs.db ehthumbs.db
	desktop.ini __pycache__ _vti_cnf aquota.user aquota.group pagefile.sys`.split(/\s+/),
);
const LEFT_BEHIND_TOO =
	/^(system volume information|network trash folder|temporary items|found\.\d{3}|~\$.*|thumbs\.db:.*)$/i;

/** Nothing that somebody put there to be looked at. */
export function isLeftBehind(name: string): boolean {
	return name.startsWith('.') || LEFT_BEHIND.has(name.toLowerCase()) || LEFT_BEHIND_TOO.test(name);
}
