/// What a model file needs to run, for C++ programs: open a model, hold it against devices, scan folders, audit.
///
///     #include <weigh/weigh.h>
///
///     const weigh::Model model = weigh::open("model.gguf");
///     for (const weigh::Fit& fit : model.fit({"rtx-4090"})) std::puts(weigh::name_of(fit.verdict));
///
/// Only headers of model files are read, but for an audit with `deep`. Values are called as in the JSON of the program,
/// whose schemas are installed in share/weigh/schema; what the files do not say, and what cannot be told, is absent and
/// never 0. All sizes are bytes. Texts from files are not escaped: they may hold control characters and invalid UTF-8.
///
/// Errors: what cannot be done throws weigh::Error; nothing else is thrown but std::bad_alloc and what callbacks throw.
///
/// A path may be a reference to a server, "hf://ORG/NAME" or "https://..." (docs/sources.md): then headers are read from
/// there, by libcurl, which is loaded at that moment.
///
/// Threads: there is no state between calls but connections to servers. A Model or a Catalogue may be used by several
/// threads at once as long as none of them changes it; copies of a Model share what was read.
///
/// Stability: within one minor version (0.1.x) programs that were built still run; between minor versions structures
/// may get new fields at their end, enumerations new values, and programs are built anew. The C interface
/// <weigh/weigh_c.h> stays compatible beyond that.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "export.h"

#define WEIGH_VERSION_MAJOR 0
#define WEIGH_VERSION_MINOR 2
#define WEIGH_VERSION_PATCH 0
#define WEIGH_VERSION_STRING "0.2.0"

namespace weigh {

/// Of the library that is loaded: "0.2.0". WEIGH_VERSION_STRING is that of the header.
WEIGH_API const char* version() noexcept;

// --- Errors ---------------------------------------------------------------------------------------------------------

enum class ErrorKind : std::uint8_t {
  Input,     ///< a file cannot be read, or is not what it should be
  Usage,     ///< the call asks for what does not exist: a device, a type, several models where one is wanted
  Internal,  ///< a fault of this library
};

/// The one type that is thrown. `what()` is a line that is safe to show: "PATH: byte 0x1a4: SENTENCE".
class WEIGH_API Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& what, std::string path = {},
        std::optional<std::uint64_t> offset = std::nullopt);
  Error(const Error&);
  ~Error() override;

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  /// Of the file or folder it is about; empty where it is about none.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The byte in that file, where one is known.
  [[nodiscard]] std::optional<std::uint64_t> offset() const noexcept { return offset_; }

 private:
  ErrorKind kind_;
  std::string path_;
  std::optional<std::uint64_t> offset_;
};

/// Why one of several paths gave no model.
struct Failure {
  std::string path;
  std::string message;  ///< one sentence
  std::optional<std::uint64_t> offset;
};

// --- What a model is ------------------------------------------------------------------------------------------------

enum class Format : std::uint8_t { Gguf, Safetensors };

enum class Severity : std::uint8_t { Note, Warning, Error };

/// Something odd in a file that can still be read. A model with an Error is damaged or incomplete.
struct Finding {
  Severity severity = Severity::Note;
  std::string code;     ///< stable: "tensor-overlap"; docs/checks.md explains those of an audit
  std::string message;  ///< one sentence
  std::string tensor;   ///< the tensor it is about, or empty
  std::optional<std::uint64_t> offset;
  std::string file;  ///< the file of the model it is about; empty: the model as a whole
};

struct File {
  std::string path;
  std::uint64_t bytes = 0;
  std::uint64_t header_bytes = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t tensors = 0;
};

/// As the files state it.
struct Architecture {
  std::optional<std::string> name;
  std::optional<std::uint64_t> layers;
  std::optional<std::uint64_t> context_length;  ///< in tokens
  std::optional<std::uint64_t> embedding_length;
  std::optional<std::uint64_t> heads;
  std::optional<std::uint64_t> kv_heads;
  std::optional<std::uint64_t> vocab_size;
  std::vector<std::uint64_t> kv_heads_per_layer;  ///< only where layers differ; 0: no attention
  std::optional<std::uint64_t> head_size_k;
  std::optional<std::uint64_t> head_size_v;
  std::optional<std::uint64_t> feed_forward_length;
  std::optional<std::uint64_t> expert_feed_forward_length;
  std::optional<std::uint64_t> sliding_window;  ///< in tokens
  std::optional<bool> tied_embeddings;
  std::optional<std::string> tokenizer;
  bool chat_template = false;
  std::optional<std::string> license;
  std::optional<std::string> base_model;
};

/// Logical weights: packed ones count as what they are packed from. Absent, here and below, where a packing is not
/// known.
struct Parameters {
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> active;          ///< that work on one token
  std::optional<std::uint64_t> prediction = 0;  ///< of the total: multi-token prediction
  std::optional<std::uint64_t> active_without_embedding;
  std::optional<std::uint64_t> active_without_embedding_and_head;
};

/// What one element type adds to the whole.
struct DtypeTotals {
  std::string dtype;  ///< "BF16", "Q4_K"
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::optional<std::uint64_t> parameters;
  std::uint64_t bytes = 0;
};

/// What one role adds to the whole.
struct RoleTotals {
  std::string role;  ///< "token embedding", "routed expert"
  std::uint64_t tensors = 0;
  std::optional<std::uint64_t> parameters;
  std::uint64_t bytes = 0;
};

struct Weights {
  std::uint64_t bytes = 0;  ///< of all tensors
  std::uint64_t padding_bytes = 0;
  std::optional<double> bits_per_weight;  ///< absent without parameters
  std::vector<DtypeTotals> by_dtype;      ///< largest first
  std::vector<RoleTotals> by_role;        ///< largest first
};

/// Mixture of experts.
struct Experts {
  std::uint64_t count = 0;                  ///< in a layer
  std::optional<std::uint64_t> used;        ///< per token
  std::uint64_t shared = 0;                 ///< always used
  std::uint64_t layers = 0;                 ///< that have experts
  std::optional<std::uint64_t> parameters;  ///< of the routed ones, all layers
  std::optional<std::uint64_t> active_parameters;
  std::uint64_t bytes = 0;
};

struct Quantization {
  std::string scheme;  ///< "gptq", "fp8", ...; of a GGUF its file type, "Q4_K_M"
  std::optional<std::uint64_t> bits;
  std::optional<std::uint64_t> group_size;
  std::string name;  ///< as people say it: "AWQ 4-bit", "Q4_K_M, 3 tensors otherwise"
};

/// What the headers of a model say.
struct ModelInfo {
  std::string path;  ///< as it was named; where it was found when a name of a store was
  std::string name;  ///< of the file or folder, to show
  Format format = Format::Gguf;
  std::uint32_t format_version = 0;  ///< of GGUF; 0 for safetensors
  bool big_endian = false;
  bool header_only = false;  ///< from a snapshot: the weights are not there
  std::vector<File> files;
  std::string kind;  ///< "LoRA adapter", ...; empty for a plain language model
  Architecture architecture;
  Parameters parameters;
  Weights weights;
  std::optional<Experts> experts;
  std::optional<Quantization> quantization;
  std::vector<Finding> findings;  ///< errors first
};

struct Tensor {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;  ///< outermost dimension first; empty: a scalar
  std::optional<std::uint64_t> parameters;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  ///< in its file
  std::size_t file = 0;      ///< index of ModelInfo::files
  std::string role;
  std::optional<std::uint32_t> layer;  ///< absent outside of layers
};

// --- Devices --------------------------------------------------------------------------------------------------------

/// One line of the catalogue. memory >= limit >= budget; each is that of one device.
struct Device {
  std::string id;
  std::string name;
  std::string vendor;
  std::string kind;         ///< "discrete-gpu", "accelerator", "apple-unified", "unified", "cpu", "phone", "size"
  std::uint32_t count = 1;  ///< devices in this machine
  std::uint64_t memory_bytes = 0;
  std::uint64_t limit_bytes = 0;   ///< what the driver lets one process use
  std::uint64_t budget_bytes = 0;  ///< what is safe to plan for
  std::optional<std::uint64_t> bandwidth_bytes_per_second;
  std::string reason;  ///< the rule of the budget in words
};

/// The devices that can be named. A copy is cheap until one of the two is changed.
class WEIGH_API Catalogue {
 public:
  /// The built-in devices and the user's own: $WEIGH_DEVICES, else weigh/devices.csv in the configuration folder.
  /// Throws when that file cannot be read.
  Catalogue();
  /// The built-in devices alone.
  static Catalogue built_in();

  Catalogue(const Catalogue&);
  Catalogue& operator=(const Catalogue&);
  ~Catalogue();

  /// Adds devices from CSV text with the columns of the user's file; id, kind and memory_bytes are required. A known id
  /// is replaced. Throws naming `origin` and the line, and then adds nothing.
  void add(std::string_view csv, const std::string& origin);

  [[nodiscard]] std::vector<Device> devices() const;
  /// Whose id or name holds every word of `query`.
  [[nodiscard]] std::vector<Device> search(std::string_view query) const;
  /// The device that `--on` means by this: "rtx-4090", "2x rtx-4090", "24GiB"; of several, what each one has. Throws.
  [[nodiscard]] Device find(std::string_view device) const;

  /// As `weigh devices --json [QUERY]`.
  [[nodiscard]] std::string json(std::string_view query = {}) const;

 private:
  friend struct Access;
  struct Data;
  explicit Catalogue(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

// --- A run and whether it fits --------------------------------------------------------------------------------------

enum class Engine : std::uint8_t { LlamaCpp, Transformers, Vllm, Mlx, Sglang };

/// How much of a fit is worked out, each with all before it.
enum class Detail : std::uint8_t {
  Verdict,  ///< and its placement
  Run,      ///< the largest context, the command line and the speed: what `weigh inspect` prints
  Advice,   ///< what makes it fit: what `weigh fit` prints
};

/// RunOptions::context for the model's own context length.
inline constexpr std::uint64_t kModelContext = UINT64_MAX;

/// How a model is run. The defaults are those of the program, whose options have the same names.
struct RunOptions {
  std::optional<Engine> engine;          ///< absent: the one that such files are made for
  std::optional<std::uint64_t> context;  ///< tokens, all sequences together; absent: 4096, or the model's own if less
  std::string kv_type = "f16";           ///< of the KV cache; or of K and of V: "q8_0,f16"
  std::uint64_t parallel = 1;            ///< sequences at a time
  std::uint64_t micro_batch = 512;       ///< tokens that are computed at a time
  bool flash_attention = true;
  bool unified_cache = false;               ///< the sequences share all of the cache
  bool full_window_cache = false;           ///< layers with a sliding window keep the whole context
  std::optional<std::uint64_t> gpu_layers;  ///< as llama.cpp's -ngl; absent: all
  std::uint64_t cpu_moe_layers = 0;         ///< the experts of the first layers stay in host memory
  std::string as_type;                      ///< weigh it as the GGUF of another type: "Q4_K_M"; empty: as it is
  std::string projector;                    ///< path of the mmproj file that is loaded with it; empty: none
  bool projector_on_host = false;
  std::string draft;      ///< path of a model that drafts for it, or "mtp": its own next-token blocks; empty: none
  std::string host;       ///< memory beside the devices: "64GiB"; empty: detected with "local", else 32 GiB
  bool together = false;  ///< one run over all devices, a CPU among them as the host
  Detail detail = Detail::Run;
  std::uint64_t batch = 2048;             ///< tokens handed over at a time: a micro-batch is never larger
  std::uint64_t cpu_ffn_layers = 0;       ///< the dense feed-forward weights of the first layers stay in host memory
  std::string draft_kv_type;              ///< of the draft's KV cache, as kv_type; empty: "f16"
  std::optional<std::uint64_t> prompt;    ///< tokens that are read at once (transformers, MLX); absent: the context
  std::optional<std::uint64_t> generate;  ///< tokens of the answer (likewise)
  bool eager_attention = false;           ///< transformers' eager attention
  // vLLM and SGLang; what is absent or empty is the engine's default for the device.
  std::string engine_version;  ///< "0.21"; empty: the newest that is known
  std::string memory_share;    ///< of each device: "0.92"
  std::optional<std::uint64_t> max_sequences;
  std::optional<std::uint64_t> batched_tokens;
  std::optional<std::uint64_t> tensor_parallel;
  std::optional<std::uint64_t> pipeline_parallel;
  std::optional<std::uint64_t> context_parallel;
  std::optional<std::uint64_t> block_tokens;
  std::optional<std::uint64_t> pool_bytes;  ///< of each device
  bool enforce_eager = false;
  bool no_prefix_caching = false;
  // Training in place of a run; what is absent or empty is the default of `weigh fit --train`.
  std::string train;      ///< "full", "lora" or "qlora"; empty: the model is run
  std::string optimizer;  ///< "adamw", "adamw-8bit", ...
  std::string checkpointing;
  std::string shard;                             ///< over the devices of one set: "zero1", "zero2", "zero3"
  std::optional<std::uint64_t> lora_rank;        ///< of adapters
  std::optional<std::uint64_t> train_sequences;  ///< of a step on one device
  std::optional<std::uint64_t> train_tokens;     ///< of a sequence
};

enum class Verdict : std::uint8_t {
  Fits,     ///< within the budget
  Tight,    ///< above the budget, within the limit: may run, may fail
  Offload,  ///< more than the device takes alone; a part of it is in host memory
  No,       ///< it does not run there
  Broken,   ///< the files cannot be loaded as they are
};

/// What a run has, or would have to have, in the memory of the host.
struct HostShare {
  std::uint64_t need_bytes = 0;
  std::uint64_t budget_bytes = 0;
  std::uint64_t memory_bytes = 0;
  std::string source;  ///< "given", "detected", "catalogue", "assumed"
};

/// Bytes of a run, part by part. A part that the run does not have is 0, one that cannot be told is absent.
struct Need {
  std::optional<std::uint64_t> weights;
  std::optional<std::uint64_t> kv_cache;
  std::optional<std::uint64_t> state;  ///< of recurrent layers
  std::optional<std::uint64_t> compute;
  std::optional<std::uint64_t> overhead;  ///< of the engine and its driver; an estimate
  std::uint64_t total = 0;                ///< of the parts that are known
};

/// What is loaded beside the model, and how much of the need it is.
struct Companion {
  std::string role;  ///< "mmproj", "draft", "mtp"
  std::string path;
  Need need;                     ///< on the devices
  std::uint64_t host_bytes = 0;  ///< in host memory
  std::string kv_type;           ///< of a draft's cache: "f16", "q8_0,f16"; empty for a projector
};

/// What one memory holds of a run.
struct PlacedPart {
  std::string device;  ///< its id, or "host"
  std::uint64_t layers = 0;
  bool output = false;  ///< the output layer as well
  Need need;
  std::uint64_t budget_bytes = 0;
};

struct Placement {
  std::optional<std::uint64_t> gpu_layers;  ///< as -ngl counts; absent: all
  std::uint64_t cpu_moe_layers = 0;
  std::vector<PlacedPart> per_device;
  PlacedPart host;
  std::vector<std::string> flags;  ///< of the engine
};

/// One way to make a run fit, tried out.
struct Advice {
  std::string kind;                ///< "context", "cache", ...
  std::string text;                ///< one sentence without its full stop
  std::vector<std::string> flags;  ///< of `weigh fit`, in place of those given
  std::uint64_t need_bytes = 0;
};

/// Tokens per second that memory bandwidth allows at most.
struct SpeedBound {
  double empty = 0;  ///< with nothing in the cache
  double full = 0;   ///< with the context full
};

/// A step of training: an estimate by published rules. Bytes are sums over the devices.
struct Training {
  std::string recipe;
  std::string optimizer;
  std::string checkpointing;
  std::string shard;
  std::optional<std::uint64_t> rank;  ///< absent where no adapters are trained
  std::uint64_t devices = 1;
  std::uint64_t sequences = 0;  ///< of a step on one device
  std::uint64_t tokens = 0;     ///< of a sequence
  std::uint64_t trained_parameters = 0;
  std::uint64_t weights = 0;
  std::uint64_t gradients = 0;
  std::uint64_t optimizer_states = 0;
  std::optional<std::uint64_t> activations;
  std::optional<std::uint64_t> logits;
  std::uint64_t overhead = 0;
  std::uint64_t total = 0;
  std::vector<std::string> rules;
  std::vector<std::string> assumptions;
};

/// One run on one device, or on several together. Bytes are sums over the devices.
struct Fit {
  std::string device;
  std::uint32_t count = 1;
  std::string engine;                    ///< "llama.cpp", ...; empty where none is assumed
  std::optional<std::uint64_t> context;  ///< tokens that were counted with
  std::string kv_type;
  std::uint64_t memory_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t budget_bytes = 0;
  Need need;
  std::vector<Companion> companions;
  std::string basis;      ///< "rules", "estimate" or "assumed": what the need rests on; empty without a context
  std::string exact_for;  ///< the engine and version whose recorded runs prove all parts but the overhead, or empty
  std::string remark;     ///< what is assumed, or empty
  Verdict verdict = Verdict::No;
  std::int64_t headroom_bytes = 0;  ///< budget - need
  std::string reason;               ///< one sentence
  std::optional<HostShare> host;    ///< absent where no layer is there
  std::optional<Placement> placement;
  std::optional<std::uint64_t> max_context;  ///< the largest that fits
  std::optional<SpeedBound> speed;
  std::string command;               ///< to paste into a shell, or empty
  std::vector<Advice> advice;        ///< most welcome first
  std::optional<Training> training;  ///< in place of a run; its gradients and optimizer are the need's `state`
};

// --- Models ---------------------------------------------------------------------------------------------------------

/// A model whose headers were read. Copies share them.
class WEIGH_API Model {
 public:
  Model(const Model&);
  Model& operator=(const Model&);
  ~Model();

  [[nodiscard]] const ModelInfo& info() const noexcept;

  /// Every tensor, in the order of the files and their headers.
  [[nodiscard]] std::vector<Tensor> tensors() const;

  /// The run on each of the devices, named as `--on` takes them: an id or a part of one, "2x rtx-4090", "24GiB",
  /// "local" for this machine. Without devices on a few common ones. Empty for what does not run by itself: an adapter,
  /// a projector, an importance matrix (ModelInfo::kind says so).
  [[nodiscard]] std::vector<Fit> fit(const std::vector<std::string>& devices, const RunOptions& options = {},
                                     const Catalogue& catalogue = Catalogue()) const;

  /// As `weigh PATH --json --on DEVICE...`; with Detail::Advice as `weigh fit`.
  [[nodiscard]] std::string json(const std::vector<std::string>& devices = {}, const RunOptions& options = {},
                                 const Catalogue& catalogue = Catalogue()) const;
  /// As `weigh tensors PATH --json`.
  [[nodiscard]] std::string tensors_json() const;
  /// As `weigh metadata PATH --json`; with `full`, long arrays and texts as a whole.
  [[nodiscard]] std::string metadata_json(bool full = false) const;

 private:
  friend struct Access;
  struct Data;
  explicit Model(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

/// The one model that `path` names: a file, a split or sharded set by any one part or by its index, a folder, a
/// snapshot, "-" for standard input, or the name that a store of this machine knows it by: "org/name@revision" in the
/// Hugging Face cache, "ollama:name:tag", "lmstudio:publisher/model". Throws when there is none, or when there are several.
[[nodiscard]] WEIGH_API Model open(const std::string& path);

/// All that a path holds.
struct Opened {
  std::vector<Model> models;
  std::vector<Failure> failures;
};
/// Never throws for what is wrong with the input: that is in `failures`.
[[nodiscard]] WEIGH_API Opened open_all(const std::string& path);

/// As `weigh PATH... --json --on DEVICE...`: all models of all paths, each once however many paths name it, and why others could not be read.
[[nodiscard]] WEIGH_API std::string inspect_json(const std::vector<std::string>& paths,
                                                 const std::vector<std::string>& devices = {},
                                                 const RunOptions& options = {},
                                                 const Catalogue& catalogue = Catalogue());

// --- Folders --------------------------------------------------------------------------------------------------------

/// One model of a scan.
struct ScanRow {
  std::string path;
  std::string name;
  std::string format;        ///< "gguf", "safetensors"
  std::string store;         ///< "huggingface", "ollama", "lmstudio"; empty for a plain folder
  std::string architecture;  ///< empty: not stated
  std::string dtype;         ///< the quantization scheme, else the element type that holds most bytes
  std::optional<std::uint64_t> parameters;
  std::optional<std::uint64_t> active_parameters;
  std::optional<double> bits_per_weight;
  std::uint64_t weight_bytes = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t errors = 0;  ///< findings
  std::uint64_t warnings = 0;
  bool header_only = false;
  std::vector<std::pair<std::string, std::string>> verdicts;  ///< device and verdict, one for each that was asked for
  std::string json;                                           ///< the line of `weigh scan --format jsonl`
  std::string quantization;                                   ///< as people call it: "Q4_K_M", "AWQ 4-bit", "BF16"
};

struct ScanProgress {
  std::uint64_t files = 0;   ///< names that were looked at
  std::uint64_t found = 0;   ///< folders with models
  std::uint64_t done = 0;    ///< of these, those that are read
  std::uint64_t models = 0;  ///< that were read
  bool all_found = false;    ///< nothing is left to be found
};

struct ScanOptions {
  std::vector<std::string> devices;  ///< a verdict on each
  RunOptions run;                    ///< what an engine does not have is left out for its files; `detail` is Verdict
  unsigned threads = 0;              ///< 0: one for each core
};

/// Told as results come, one call at a time, from threads of the scan. What a callback throws ends the scan and is
/// thrown by it. All of them may be empty.
struct ScanCallbacks {
  std::function<void(ScanRow&&)> model;
  std::function<void(Failure&&)> failure;
  std::function<void(const ScanProgress&)> progress;
};

/// Every model below the folders, each once however many links lead to it. Returns how many files were met again by
/// another name.
WEIGH_API std::uint64_t scan(const std::vector<std::string>& folders, const ScanOptions& options,
                             const ScanCallbacks& callbacks, const Catalogue& catalogue = Catalogue());

struct Scan {
  std::vector<ScanRow> models;    ///< in the order of their paths
  std::vector<Failure> failures;  ///< likewise
  std::uint64_t links = 0;        ///< files met again by another name, not counted again
};
[[nodiscard]] WEIGH_API Scan scan(const std::vector<std::string>& folders, const ScanOptions& options = {},
                                  const Catalogue& catalogue = Catalogue());

/// As `weigh scan FOLDER... --json --on DEVICE...`.
[[nodiscard]] WEIGH_API std::string scan_json(const std::vector<std::string>& folders, const ScanOptions& options = {},
                                              const Catalogue& catalogue = Catalogue());

// --- Audits ---------------------------------------------------------------------------------------------------------

/// What an audit says of one model, of a folder as such, or of a path that could not be read.
struct Audit {
  std::string path;
  std::vector<std::string> files;
  std::vector<std::string> checks_run;  ///< docs/checks.md explains each
  std::vector<Finding> findings;        ///< errors first
};

struct AuditOptions {
  bool deep = false;     ///< read every byte: digests, NaN, infinities, tensors of zeros
  unsigned threads = 0;  ///< 0: one for each core
  /// Told while files are read, one call at a time: bytes done and in all, of the model at hand. May be empty.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

/// Whether what `path` names is whole, honest and safe to load. What is wrong with the input is a finding.
[[nodiscard]] WEIGH_API std::vector<Audit> audit(const std::string& path, const AuditOptions& options = {});

/// As `weigh audit PATH... --json`.
[[nodiscard]] WEIGH_API std::string audit_json(const std::vector<std::string>& paths, const AuditOptions& options = {});

// --- Text -----------------------------------------------------------------------------------------------------------

// Names as the program prints them: "gguf", "warning", "fits", "llama.cpp".
[[nodiscard]] WEIGH_API const char* name_of(Format format) noexcept;
[[nodiscard]] WEIGH_API const char* name_of(Severity severity) noexcept;
[[nodiscard]] WEIGH_API const char* name_of(Verdict verdict) noexcept;
[[nodiscard]] WEIGH_API const char* name_of(Engine engine) noexcept;
/// Nothing for any other name.
[[nodiscard]] WEIGH_API std::optional<Engine> engine_named(std::string_view name) noexcept;

/// As reports print a count of parameters: "46.70 B", "125.3 M", "512".
[[nodiscard]] WEIGH_API std::string parameters_text(std::uint64_t parameters);
/// "unknown" where it is absent.
[[nodiscard]] WEIGH_API std::string parameters_text(std::optional<std::uint64_t> parameters);
/// As reports print a size: "24.62 GiB", "7.0 MiB", "512 bytes".
[[nodiscard]] WEIGH_API std::string bytes_text(std::uint64_t bytes);
/// Safe to show on a terminal: control characters, invalid UTF-8 and reordering characters as \xNN or \u{NNNN}.
[[nodiscard]] WEIGH_API std::string escaped(std::string_view text);

}  // namespace weigh
