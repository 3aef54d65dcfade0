// Takes memory, each time it is asked, and gives none back.
const STEP_BYTES = 8 * 2 ** 20;

const taken: Buffer[] = [];
process.on('message', () => {
	taken.push(Buffer.alloc(STEP_BYTES, 1));
	process.send?.(taken.length);
});
