#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/devices/engine.h"
#include "src/memory/run.h"
#include "src/verify/line_pattern.h"

namespace weigh::core {

/// What a figure of a log is of.
enum class LogPart : std::uint8_t {
  File,            ///< bytes of all tensors in the file
  Parameters,      ///< a count
  Weights,         ///< as loaded, bytes like all that follow
  KvCache,         ///< of all kinds of layers
  KvFull,          ///< of layers that see everything
  KvWindow,        ///< of layers with a sliding window
  State,           ///< of recurrent layers
  CacheAndState,   ///< the two in one figure
  Compute,         ///< buffer
  Output,          ///< buffer: rows of logits
  Context,         ///< tokens, all sequences together
  Requested,       ///< what the engine may take of a device
  Activation,      ///< peak of the profiling run
  Outside,         ///< of driver and communication
  Graphs,          ///< captured, or what is set aside for them
  AvailableCache,  ///< what is left for the cache
  RequestCache,    ///< what one request of the length asked for needs
  Blocks,          ///< a count
  PoolTokens,      ///< a count
  Concurrency,     ///< requests of that length, in 1/10,000
};

enum class LogUnit : std::uint8_t { Memory, Tokens, Count, Ratio };

struct LogPartTraits {
  LogPart part;
  std::string_view name;  ///< "compute buffer"
  LogUnit unit;
  std::string_view rule;  ///< "docs/memory-rules.md 5"
  std::string_view rule_name;
};
const LogPartTraits& traits_of(LogPart part);
/// "bytes", "tokens", "count", "ratio".
std::string_view unit_name(LogUnit unit);

/// One figure that an engine printed.
struct LogFigure {
  LogPart part = LogPart::Weights;
  std::string device;  ///< as printed: "CUDA0", "CPU_Mapped"; empty: of one device, whichever
  Printed value;
  std::uint32_t cache = 0;  ///< of KvCache: which of a context's caches
};

/// How a run was started, as far as the log tells.
struct LogSettings {
  std::optional<std::uint64_t> context;          ///< as asked, or as the engine rounded it
  std::optional<std::uint64_t> printed_context;  ///< by the engine, rounded
  std::optional<std::uint64_t> batch;
  std::optional<std::uint64_t> micro_batch;
  std::optional<std::uint64_t> sequences;
  std::optional<bool> flash_attention;
  std::optional<bool> unified_cache;
  std::optional<bool> full_window_cache;
  std::string key_type;                     ///< "q8_0"; empty: not told
  std::string value_type;                   ///< likewise
  std::vector<double> proportions;          ///< of the devices
  std::optional<std::uint64_t> gpu_layers;  ///< the output layer among them
  std::optional<std::uint64_t> cpu_moe_layers;
  bool logits_of_all_tokens = false;  ///< a row for each token of a micro-batch, as the library's own users ask
  // vLLM alone.
  std::optional<std::uint64_t> length;        ///< tokens of one sequence
  std::optional<std::uint64_t> device_bytes;  ///< total of one device
  std::string share;                          ///< of each device: "0.9"
  ServingSettings serving;                    ///< all but the share
};

/// One start of an engine, or one context of llama.cpp.
struct LogRun {
  LogSettings settings;
  std::vector<LogFigure> figures;
  std::uint64_t cached_layers = 0;  ///< of llama.cpp's caches together; 0: not told
  std::string error;                ///< in the engine's words, why it does not start; empty: none was printed
};

/// A device that the log names before anything is loaded.
struct LogDevice {
  std::string name;  ///< "CUDA0"
  std::uint64_t free_bytes = 0;
};

/// One model of a log.
struct LogModel {
  std::string name;  ///< of a heading, or the file's; empty where the log does not say
  std::string path;  ///< as the engine was given it
  std::string architecture;
  std::optional<std::uint64_t> layers;
  std::vector<LogDevice> devices;
  std::vector<LogFigure> loaded;  ///< file, parameters, weights
  LogSettings settings;           ///< of all its runs
  std::vector<LogRun> runs;
};

/// What is known of a log.
struct EngineLog {
  std::optional<Engine> engine;  ///< absent: no line was known
  std::string version;           ///< "b6700", "0.11.0"; empty where the log does not say
  std::vector<LogModel> models;
  bool left_out = false;  ///< there was more than is kept
};

}  // namespace weigh::core
