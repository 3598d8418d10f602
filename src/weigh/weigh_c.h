/* What a model file needs to run, for C programs and for all that can call C: <weigh/weigh.h> behind opaque handles.
 *
 *     weigh_model* model = NULL;
 *     const char* options[] = {"on=rtx-4090", "context=32768", NULL};
 *     char* json = NULL;
 *     if (weigh_open("model.gguf", &model) != WEIGH_OK || weigh_json(model, options, &json) != WEIGH_OK)
 *       fprintf(stderr, "%s\n", weigh_last_error());
 *     weigh_free(json);
 *     weigh_close(model);
 *
 * Options are "name=value", as many as are needed and then NULL; NULL instead of the list means none. Their names and
 * values are those of the program's long options, without the dashes:
 *
 *     on=DEVICE           a device: rtx-4090, 2x rtx-4090, 24GiB, local; may be repeated
 *     engine=NAME         llama.cpp, transformers, vllm, mlx or sglang
 *     context=N           tokens, or max
 *     kv-type=TYPE        f16, q8_0, ...; or of K and of V: q8_0,f16
 *     parallel=N          sequences at a time
 *     batch=N             tokens handed over at a time: ubatch is never more
 *     ubatch=N            tokens that are computed at a time
 *     flash-attention=X   on or off
 *     kv-unified=X        on or off, as all that follow with an X: the sequences share all of the cache
 *     swa-full=X          layers with a sliding window keep the whole context
 *     gpu-layers=N        layers on the devices
 *     n-cpu-moe=N         the experts of the first N layers stay in host memory
 *     n-cpu-ffn=N         likewise the dense feed-forward weights
 *     as=TYPE             as the GGUF of another type: Q4_K_M
 *     mmproj=FILE         the projector that is loaded with it
 *     no-mmproj-offload=X the projector stays in host memory
 *     draft=PATH          a model that drafts for it; mtp: its own next-token blocks
 *     draft-kv-type=TYPE  of the draft's cache, as kv-type
 *     prompt=N            tokens of the prompt (transformers, MLX); generate=N those of the answer
 *     eager-attention=X   transformers' eager attention
 *     gpu-memory-utilization=SHARE, max-num-seqs=N, max-num-batched-tokens=N, tensor-parallel-size=N,
 *     pipeline-parallel-size=N, decode-context-parallel-size=N, block-size=N, kv-cache-memory-bytes=N, enforce-eager=X,
 *     no-enable-prefix-caching=X, engine-version=X.Y: vLLM's and SGLang's, as vLLM has them
 *     train=HOW           training in place of a run: full, lora or qlora; with optimizer=NAME, rank=N, seq=N,
 *     checkpointing=WHAT, shard=HOW, and batch=N for the sequences of a step on each device
 *     host=SIZE           memory beside the devices
 *     together=X          one run over all devices
 *     detail=X            verdict, run (as weigh inspect, the default) or advice (as weigh fit)
 *     threads=N           of a scan or an audit; default one for each core
 *     deep=X              an audit reads every byte
 *
 * A function takes all of them and uses those that concern it; an unknown name is an error.
 *
 * JSON is what the program writes with --json, to the byte; its schemas are installed in share/weigh/schema. It is
 * UTF-8 and belongs to the caller, who frees it with weigh_free. All other strings belong to the library.
 *
 * Threads: there is no state between calls but the last error, of which each thread has its own. A model may be used by
 * several threads at once; weigh_close ends it for all of them.
 *
 * Stability: what is here stays, in its meaning and in its binary form. New functions, options and status codes may
 * come, and then weigh_api_version() grows; structures grow at their end, which is why they carry their size.
 */
#ifndef WEIGH_C_H
#define WEIGH_C_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIGH_C_API_VERSION 1

/* Of the library that is loaded; this header needs one of at least WEIGH_C_API_VERSION. */
WEIGH_API int weigh_api_version(void);
/* "0.2.0" */
WEIGH_API const char* weigh_version(void);

typedef int weigh_status;
enum {
  WEIGH_OK = 0,
  WEIGH_ERROR_INPUT = 1,   /* a file cannot be read, or is not what it should be */
  WEIGH_ERROR_USAGE = 2,   /* the call asks for what does not exist, or passes NULL where something is needed */
  WEIGH_ERROR_MEMORY = 3,  /* not enough memory */
  WEIGH_ERROR_INTERNAL = 4 /* a fault of the library */
};

/* Why the last call of this thread that failed did so: a line that is safe to show; "" before any did. It stays valid
 * until the next call of this thread. */
WEIGH_API const char* weigh_last_error(void);
/* Whether that was about a byte of a file; if so, its offset goes to *offset. */
WEIGH_API int weigh_last_error_offset(uint64_t* offset);

/* A model whose headers were read. */
typedef struct weigh_model weigh_model;

/* The one model that the path names: a file, any part of a set, a folder, a snapshot. On an error *model is NULL. */
WEIGH_API weigh_status weigh_open(const char* path, weigh_model** model);
/* Does nothing for NULL. */
WEIGH_API void weigh_close(weigh_model* model);

/* Figures of a model; texts live as long as it does. 0, or "", for NULL. */
WEIGH_API const char* weigh_name(const weigh_model* model);
WEIGH_API const char* weigh_format(const weigh_model* model);  /* "gguf", "safetensors" */
WEIGH_API uint64_t weigh_parameters(const weigh_model* model); /* 0 where they are not known */
/* That work on one token. Returns 0, and leaves *parameters, where that is not known. */
WEIGH_API int weigh_active_parameters(const weigh_model* model, uint64_t* parameters);
WEIGH_API uint64_t weigh_bytes(const weigh_model* model);      /* of all tensors */
WEIGH_API uint64_t weigh_file_bytes(const weigh_model* model); /* of all files */

enum {
  WEIGH_FITS = 0,    /* within what is safe */
  WEIGH_TIGHT = 1,   /* above that, within what the driver gives */
  WEIGH_OFFLOAD = 2, /* above that, and runs with a part of it in host memory */
  WEIGH_NO = 3,      /* does not run there; take any other value for that as well */
  WEIGH_BROKEN = 4   /* the files cannot be loaded as they are */
};

/* One run on one device, or on several together. */
typedef struct weigh_fit {
  size_t size; /* in: sizeof(weigh_fit); out: sizeof(weigh_fit) of the library, which may know less or more fields */
  int verdict; /* WEIGH_FITS, ... */
  uint64_t need_bytes;
  uint64_t budget_bytes; /* what is safe to plan for */
  uint64_t limit_bytes;
  uint64_t memory_bytes;
} weigh_fit;

/* The run that the options describe, which name one device, or several and together=on. */
WEIGH_API weigh_status weigh_fit_on(const weigh_model* model, const char* const* options, weigh_fit* fit);
/* "fits", "tight", "over", "no". */
WEIGH_API const char* weigh_verdict_name(int verdict);

/* As weigh PATH --json. */
WEIGH_API weigh_status weigh_json(const weigh_model* model, const char* const* options, char** json);
/* As weigh tensors PATH --json. */
WEIGH_API weigh_status weigh_tensors_json(const weigh_model* model, char** json);

/* As weigh PATH --json: all models of a path. What cannot be read is in the document, and no error of the call. */
WEIGH_API weigh_status weigh_inspect_json(const char* path, const char* const* options, char** json);
/* As weigh scan FOLDER --json. */
WEIGH_API weigh_status weigh_scan_json(const char* folder, const char* const* options, char** json);
/* As weigh audit PATH --json. */
WEIGH_API weigh_status weigh_audit_json(const char* path, const char* const* options, char** json);
/* As weigh devices QUERY --json; of all devices for NULL. */
WEIGH_API weigh_status weigh_devices_json(const char* query, char** json);

/* Does nothing for NULL. */
WEIGH_API void weigh_free(char* text);

/* As reports print them: "46.70 B", "24.62 GiB". Writes at most `size` characters with the zero at the end, and returns
 * how many the whole text has without it, as snprintf does; 32 are always enough. */
WEIGH_API size_t weigh_parameters_text(uint64_t parameters, char* text, size_t size);
WEIGH_API size_t weigh_bytes_text(uint64_t bytes, char* text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
