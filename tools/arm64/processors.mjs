// The processors of ARM that are emulated. The emulator tells programs what each can do (HWCAP), but shows them the host's
// /proc/cpuinfo, at which ONNX Runtime's look at the processor (pytorch/cpuinfo) ends with a segmentation fault: it gets this one.

/** Features as Linux names them (arch/arm64/kernel/cpuinfo.c), the part as ARM numbers it (MIDR_EL1). */
export const processors = [
	{
		name: 'cortex-a76',
		stands:
			'like the Cortex-A78AE of an Orin: dot products, arithmetic in fp16, no products of matrices in int8',
		emulated: 'cortex-a76',
		part: '0xd0b',
		features:
			'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp',
	},
	{
		name: 'cortex-a57',
		stands: 'as in a Nano or a TX2: none of these',
		emulated: 'cortex-a57',
		part: '0xd07',
		features: 'fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid',
	},
	{
		name: 'max',
		stands:
			'all that the emulator has, as dot products, products of matrices in int8 and SVE, which a Thor has',
		emulated: 'max,pauth-impdef=on',
		part: '0x051',
		features:
			'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 asimddp sha512 sve asimdfhm uscat ilrcpc flagm sb dcpodp i8mm bf16 svei8mm svebf16 bti',
	},
];

/** What /proc/cpuinfo says on one with so many cores. */
export function cpuinfoOf({ part, features }, cores) {
	const lines = (core) => [
		`processor\t: ${core}`,
		'BogoMIPS\t: 62.50',
		`Features\t: ${features}`,
		'CPU implementer\t: 0x41',
		'CPU architecture: 8',
		'CPU variant\t: 0x0',
		`CPU part\t: ${part}`,
		'CPU revision\t: 0',
	];
	return Array.from({ length: cores }, (_, core) => `${lines(core).join('\n')}\n\n`).join('');
}
