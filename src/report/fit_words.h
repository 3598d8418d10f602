#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "src/fit/fit.h"
#include "src/fit/weigh.h"

namespace weigh::core {

// What a fit says, in sentences: each is written here, and nowhere else. All strings are unescaped.

/// "9.62 of 4,096 tokens at a time": the requests that a pool holds.
std::string concurrency_text(const Serving& serving);

/// A part of a need as reports name it.
struct ShownPart {
  std::string_view name;
  NeedPart part;
};

/// The parts that reports show. The rows of results are counted as one of them.
inline constexpr std::array kShownParts{
    ShownPart{"weights", &MemoryNeed::weights},   ShownPart{"KV cache", &MemoryNeed::kv_cache},
    ShownPart{"state", &MemoryNeed::state},       ShownPart{"compute", &MemoryNeed::compute},
    ShownPart{"overhead", &MemoryNeed::overhead},
};

/// One of the parts that a fit's need adds up from, as reports name it.
struct PartBytes {
  std::string_view name;
  Bytes bytes;
  NeedPart part = nullptr;  ///< null for what only training has
};

/// Those of a run are kShownParts; of training what docs/training.md counts.
std::vector<PartBytes> parts_of(const Fit& fit);

/// "LoRA of rank 16, 41.94 M parameters trained; adamw; 1 sequence of 2,048 tokens; checkpointing none"
std::string training_text(const Training& training);

/// "zero3 over 8 devices, 65.48 GiB on each"; empty for one device.
std::string sharing_text(const Training& training);

/// The rule of a budget: "70 % of 192 GiB (Apple, shared with macOS)".
std::string budget_text(const Budget& budget);

/// The rules of all devices, each once.
std::string rule_text(const Fit& fit);

/// "109.68 GiB to spare", "3.04 GiB above the safe budget, ...".
std::string distance_text(const Fit& fit);

/// Whether that is a part of why the verdict is what it is.
bool says_distance(const Fit& fit);

/// Why the verdict is what it is, where need and budget do not say it: the flags that make it run, or what stands against
/// it; empty where nothing is to be said.
std::string why_text(const Fit& fit);

/// "host memory: 32 GiB, 26.00 GiB safe, assumed: --host SIZE says otherwise".
std::string host_text(const HostShare& host);

/// "given", "detected", "catalogue", "assumed".
std::string_view host_source_name(HostSource source);

/// A few words beside the figures: "up to 40,960 tokens", "and 8.60 GiB of host memory: --n-cpu-moe 24".
std::string answer_text(const Fit& fit);

/// The flags that put layers or experts on the host: "--n-cpu-moe 24". All layers on the devices goes without saying.
std::string host_flags(const Fit& fit);

/// "10.31 of 10.50 GiB"
std::string share_text(std::uint64_t bytes, std::uint64_t of);

/// Why the verdict is what it is, with figures and rule.
std::string reason_text(const Fit& fit);

/// What is assumed or missing, a sentence without its full stop; empty when nothing is. `architecture` is that of the
/// fit.
std::string remark_text(Remark remark, std::string_view architecture);

/// "rules", "estimate", "assumed".
std::string_view basis_name(Basis basis);

/// "8 KV heads in each of 32 layers, 16 of which slide".
std::string cache_shape_text(const CacheShape& shape);

/// "context", "cache", "micro-batch", ...
std::string_view advice_name(AdviceKind kind);

/// One sentence without its full stop: "a context of 2048 tokens".
std::string advice_text(const Advice& advice);

/// "Q8_0 7.61 GiB | ...", or which type is the largest that fits each device; empty when there is none to choose.
std::string choices_text(const QuantizedChoices& choices);

}  // namespace weigh::core
