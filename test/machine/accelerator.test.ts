import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Accelerator, accelerator } from '../../src/machine/accelerator.js';
import {
	DESKTOP,
	JETPACK_5_1,
	JETPACK_5_1_XAVIER,
	JETPACK_6_0,
	JETPACK_6_2,
	JETPACK_7_0,
	library,
	NOTHING,
	planted,
	type Tree,
} from './trees.js';

const told = suite('an accelerator');

const nothing: Accelerator = {
	device: null,
	driver: null,
	sm: null,
	l4t: null,
	tensorrt: null,
	cuda: null,
	cudnn: null,
};

const orinNano = {
	device: 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super',
	driver: '540.4.0',
	sm: '8.7',
	l4t: '36.4.3',
	tensorrt: '10.3.0',
	cuda: '12.6.68',
	cudnn: '9.3.0',
};

const machines: readonly (readonly [name: string, tree: Tree, expected: Accelerator])[] = [
	[
		'an Orin with JetPack 5.1',
		JETPACK_5_1,
		{
			device: 'NVIDIA Orin Nano Developer Kit',
			driver: '35.4.1',
			sm: '8.7',
			l4t: '35.4.1',
			tensorrt: '8.5.2',
			cuda: '11.4.298',
			cudnn: '8.6.0',
		},
	],
	[
		'a Xavier with JetPack 5.1, whose driver is that of its release',
		JETPACK_5_1_XAVIER,
		{
			device: 'NVIDIA Jetson Xavier NX Developer Kit',
			driver: '35.4.1',
			sm: '7.2',
			l4t: '35.4.1',
			tensorrt: '8.5.2',
			cuda: '11.4.298',
			cudnn: '8.6.0',
		},
	],
	[
		'an Orin with JetPack 6.0',
		JETPACK_6_0,
		{
			device: 'NVIDIA Jetson AGX Orin Developer Kit',
			driver: '540.3.0',
			sm: '8.7',
			l4t: '36.3.0',
			tensorrt: '8.6.2',
			cuda: '12.2.140',
			cudnn: '8.9.4',
		},
	],
	['an Orin with JetPack 6.2', JETPACK_6_2, orinNano],
	[
		'a Thor with JetPack 7',
		JETPACK_7_0,
		{
			device: 'NVIDIA Jetson AGX Thor Developer Kit',
			driver: '580.00',
			sm: '11.0',
			l4t: '38.2.0',
			tensorrt: '10.13.3',
			cuda: '13.0.48',
			cudnn: '9.12.0',
		},
	],
	['a board of another maker', NOTHING, nothing],
	['an empty folder', {}, nothing],
];

for (const [name, tree, expected] of machines) {
	told(`is read from the files of ${name}`, async () => {
		await using folder = await planted(tree);
		assert.equal(await accelerator(folder.path, { arch: 'arm64' }), expected);
	});
}

const desktop = {
	device: 'NVIDIA GeForce RTX 3090',
	driver: '535.183.01',
	l4t: null,
	tensorrt: '10.3.0',
	cuda: '12.6.77',
	cudnn: '9.3.0',
};

const answers: readonly (readonly [said: string | null, sm: string | null])[] = [
	['NVIDIA GeForce RTX 3090, 535.183.01, 8.6\n', '8.6'],
	['NVIDIA GeForce RTX 3090, 535.183.01, 8.6\nNVIDIA GeForce RTX 3090, 535.183.01, 8.6\n', '8.6'],
	// Which of them CUDA calls the first is not told.
	['NVIDIA GeForce RTX 3090, 535.183.01, 8.6\nNVIDIA RTX A400, 535.183.01, 8.9\n', null],
	['NVIDIA GeForce RTX 3090, 535.183.01, [N/A]\n', null],
	['Field "compute_cap" is not a valid field to query.\n', null],
	['NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.\n', null],
	['', null],
	[null, null],
];

told('of a desktop is what its driver says of it, and null where the driver says none', async () => {
	await using folder = await planted(DESKTOP);
	for (const [said, sm] of answers)
		assert.equal(
			await accelerator(folder.path, { arch: 'x64', ask: async () => said }),
			{ ...desktop, sm },
			`${said}`,
		);
});

told('that only nvidia-smi tells of is told by it, as under WSL', async () => {
	await using folder = await planted({});
	const ask = async () => 'NVIDIA H200, 580.95.05, 9.0\n';
	assert.equal(await accelerator(folder.path, { ask }), {
		...nothing,
		device: 'NVIDIA H200',
		driver: '580.95.05',
		sm: '9.0',
	});
});

told('of a Jetson has the compute capability of its chip, whatever nvidia-smi says', async () => {
	await using folder = await planted(JETPACK_6_2);
	const ask = async () => 'Orin (nvgpu), [N/A], [N/A]\n';
	assert.equal(await accelerator(folder.path, { arch: 'arm64', ask }), orinNano);
});

const TRT = '/usr/lib/aarch64-linux-gnu';
const without = (tree: Tree, ...stems: readonly string[]): Tree =>
	Object.fromEntries(Object.entries(tree).filter(([path]) => !stems.some((stem) => path.includes(stem))));
const { '/etc/nv_tegra_release': _, ...released } = JETPACK_6_2;
const installed = (status: string, version: string) =>
	`Package: libc6\nStatus: install ok installed\nVersion: 2.35\n\nPackage: nvidia-l4t-core\nStatus: ${status}\nArchitecture: arm64\nVersion: ${version}\n\n`;

const changed: readonly (readonly [what: string, tree: Tree, difference: Partial<Accelerator>])[] = [
	[
		'its release from the package where the file is gone',
		{ ...released, '/var/lib/dpkg/status': installed('install ok installed', '36.4.4-20250616085344') },
		{ l4t: '36.4.4' },
	],
	[
		'no release from a package that was removed',
		{ ...released, '/var/lib/dpkg/status': installed('deinstall ok config-files', '36.4.4-20250616085344') },
		{ l4t: null },
	],
	[
		'no release from a garbled file',
		{ ...JETPACK_6_2, '/etc/nv_tegra_release': '\0\0# R (x)' },
		{ l4t: null },
	],
	[
		'the driver from its module where /proc tells none',
		{ ...without(JETPACK_6_2, '/proc/driver'), '/sys/module/nvidia/version': '540.4.0\n' },
		{},
	],
	['no driver where none is loaded', without(JETPACK_6_2, '/proc/driver', '/sys/module'), { driver: null }],
	[
		'a driver that calls itself by a word as it says',
		{
			...JETPACK_6_2,
			'/proc/driver/nvidia/version':
				'NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  TempVersion  Release Build  (bugfix_main)\n',
		},
		{ driver: 'TempVersion' },
	],
	[
		'no capability of a chip that is newer than this program',
		{ ...JETPACK_6_2, '/proc/device-tree/compatible': 'nvidia,p9999\0nvidia,tegra999\0' },
		{ sm: null },
	],
	[
		'the library that is loaded, not one that an upgrade left beside it',
		{ ...JETPACK_6_2, [`${TRT}/libnvinfer.so.10.7.0`]: '' },
		{},
	],
	[
		'the newer of two that can be loaded',
		{ ...JETPACK_6_2, ...library(TRT, 'libnvinfer', '8.6.2', '8') },
		{},
	],
	[
		'nothing of a link that leads nowhere',
		{ ...without(JETPACK_6_2, 'libnvinfer'), [`${TRT}/libnvinfer.so.10`]: { link: 'libnvinfer.so.10.3.0' } },
		{ tensorrt: null },
	],
	[
		'nothing of links that go round',
		{
			...without(JETPACK_6_2, 'libcudnn'),
			[`${TRT}/libcudnn.so.9`]: { link: 'libcudnn.so.9.3.0' },
			[`${TRT}/libcudnn.so.9.3.0`]: { link: 'libcudnn.so.9' },
		},
		{ cudnn: null },
	],
	[
		'a library by its header where its name is short, as in containers',
		{
			...without(JETPACK_6_2, 'libnvinfer'),
			[`${TRT}/libnvinfer.so.10`]: '',
			'/usr/include/aarch64-linux-gnu/NvInferVersion.h':
				'#define NV_TENSORRT_MAJOR 10 //!< TensorRT major version.\n#define NV_TENSORRT_MINOR 3 //!< TensorRT minor version.\n#define NV_TENSORRT_PATCH 0 //!< TensorRT patch version.\n#define NV_TENSORRT_BUILD 30\n',
		},
		{},
	],
	[
		'a library by a header whose numbers are defined elsewhere in it',
		{
			...without(JETPACK_6_2, 'libnvinfer'),
			[`${TRT}/libnvinfer.so.10`]: '',
			'/usr/include/aarch64-linux-gnu/NvInferVersion.h':
				'#define TRT_MAJOR_ENTERPRISE 10\n#define TRT_MINOR_ENTERPRISE 13\n#define TRT_PATCH_ENTERPRISE 3\n#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE //!< TensorRT major version.\n#define NV_TENSORRT_MINOR TRT_MINOR_ENTERPRISE //!< TensorRT minor version.\n#define NV_TENSORRT_PATCH TRT_PATCH_ENTERPRISE //!< TensorRT patch version.\n',
		},
		{ tensorrt: '10.13.3' },
	],
	[
		'no library by a header of another version',
		{
			...without(JETPACK_6_2, 'libcudnn'),
			[`${TRT}/libcudnn.so.9`]: '',
			'/usr/include/cudnn_version.h':
				'#define CUDNN_MAJOR 8\n#define CUDNN_MINOR 9\n#define CUDNN_PATCHLEVEL 4\n',
		},
		{ cudnn: null },
	],
	[
		'the runtime by version.json where its name is short',
		{
			...without(JETPACK_6_2, 'libcudart'),
			'/usr/local/cuda-12.6/targets/aarch64-linux/lib/libcudart.so.12': '',
		},
		{},
	],
	[
		'no runtime by a version.json that is broken',
		{
			...without(JETPACK_6_2, 'libcudart'),
			'/usr/local/cuda-12.6/targets/aarch64-linux/lib/libcudart.so.12': '',
			'/usr/local/cuda-12.6/version.json': '{"cuda_cudart": null',
		},
		{ cuda: null },
	],
	['CUDA that nobody told ldconfig of', without(JETPACK_6_2, '/etc/ld.so.conf'), {}],
	[
		'no library of another processor',
		{
			...without(JETPACK_6_2, 'libnvinfer'),
			...library('/usr/lib/x86_64-linux-gnu', 'libnvinfer', '10.7.0', '10'),
		},
		{ tensorrt: null },
	],
	[
		'what the configuration of ldconfig names, before its own folders',
		{
			...JETPACK_6_2,
			'/etc/ld.so.conf.d/trt.conf': '# ours\n/opt/tensorrt/lib, /opt/none\n',
			...library('/opt/tensorrt/lib', 'libnvinfer', '10.7.0', '10'),
		},
		{ tensorrt: '10.7.0' },
	],
	[
		'nothing more of a configuration that includes itself',
		{ ...JETPACK_6_2, '/etc/ld.so.conf.d/round.conf': 'include /etc/ld.so.conf.d/r*.conf /etc/ld.so.conf\n' },
		{},
	],
];

for (const [what, tree, difference] of changed) {
	told(`has ${what}`, async () => {
		await using folder = await planted(tree);
		assert.equal(await accelerator(folder.path, { arch: 'arm64' }), { ...orinNano, ...difference });
	});
}

told('has the libraries of the path that programs are started with first', async () => {
	await using folder = await planted(JETPACK_6_2, library('/home/trt', 'libnvinfer', '10.7.0', '10'));
	assert.is((await accelerator(folder.path, { arch: 'arm64', path: ['/home/trt'] })).tensorrt, '10.7.0');
});

told('of this machine is read without a fault, twice the same', async () => {
	const first = await accelerator();
	assert.equal(Object.keys(first).sort(), Object.keys(nothing).sort());
	assert.equal(await accelerator(), first);
});

told.run();
