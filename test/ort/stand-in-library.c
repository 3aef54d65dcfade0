/* A stand-in for a library of ONNX Runtime's CUDA and TensorRT providers, that nobody calls: what it says of itself is read, and what it
 * is loaded with is looked for. */
#ifdef VERSION
const char *GetVersion(void) { return VERSION; }
#endif
#ifdef ENTRY
void *ENTRY(void) { return 0; }
#endif
#ifdef COMPILER
__asm__(".ident \"" COMPILER "\"");
#endif
