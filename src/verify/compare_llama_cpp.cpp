#include "src/verify/compare_llama_cpp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"
#include "src/memory/memory.h"
#include "src/memory/split.h"
#include "src/memory/weights.h"
#include "src/verify/llama_cpp_run.h"

namespace weigh::core {
namespace {

constexpr std::string_view kHostName = "host";
/// What tensors of the input layer are called in a GGUF.
constexpr std::array<std::string_view, 3> kInputNames{"token_", "position_", "per_layer_token"};

std::optional<std::int64_t> signed_of(Bytes bytes) {
  if (!bytes) return std::nullopt;
  return static_cast<std::int64_t>(std::min<std::uint64_t>(*bytes, std::uint64_t{1} << 62));
}

/// What weigh says that one memory holds.
struct MemoryFigures {
  MemoryNeed need;
  Bytes full = 0;    ///< of the KV cache: layers that see everything
  Bytes window = 0;  ///< likewise, those that slide
  Bytes mapped = 0;  ///< pages of the file from the first to the last tensor
};

bool is_vulkan(std::string_view memory) { return memory.starts_with("Vulkan"); }

/// All memories of a run: the devices in their order, then the host.
using Figures = std::vector<MemoryFigures>;

class Counter {
 public:
  Counter(const Model& model, const ToldRun& told) : model_(model), told_(told), shape_(read_run_model(model)) {
    if (!shape_) return;
    tied_ = weight_parts(model, *shape_).tied;
    const bool host_alone = told.devices.empty();
    homes_ = host_alone ? std::vector<std::size_t>(shape_->layers.size(), kOnHost)
                        : homes_of_blocks(*shape_, told.run, told.proportions);
  }

  [[nodiscard]] const RunModel* shape() const { return shape_ ? &*shape_ : nullptr; }

  /// Empty for a model whose hyperparameters are unknown.
  [[nodiscard]] Figures count(std::optional<std::uint64_t> outputs) const {
    if (!shape_) return {};
    Run run = told_.run;
    run.outputs = outputs;
    Figures figures(told_.devices.size() + 1);
    if (told_.devices.empty()) {
      figures.front().need = measure(model_, *shape_, run).need;
    } else {
      count_split(run, figures);
    }
    add_caches(run, figures);
    for (std::size_t i = 0; i < figures.size(); ++i) {
      figures[i].mapped = mapped_bytes(i + 1 == figures.size() ? kOnHost : i, figures[i].need.weights);
    }
    return figures;
  }

 private:
  void count_split(const Run& run, Figures& figures) const {
    const SplitNeed split = split_need(model_, *shape_, run, told_.proportions);
    figures.back().need = split.host.need;
    // docs/memory-rules.md 5.5: a quantized cache is turned into 16 bits on a GPU, but in no recorded run of Vulkan;
    // several that hold everything have their inputs in four copies.
    const Bytes conversion = cache_conversion_bytes(*shape_, run);
    const bool all = std::ranges::find(homes_, kOnHost) == homes_.end() && run.cpu_moe_layers == 0;
    const Bytes copies = split.devices.size() > 1 && all ? times(split.host.need.compute, Bytes(3)) : Bytes(0);
    for (std::size_t i = 0; i < split.devices.size(); ++i) {
      figures[i].need = split.devices[i].need;
      const bool converts = split.devices[i].blocks != 0 && !is_vulkan(told_.devices[i]);
      if (converts) figures[i].need.compute = plus(figures[i].need.compute, conversion);
      figures[i].need.compute = plus(figures[i].need.compute, copies);
    }
  }

  void add_caches(const Run& run, Figures& figures) const {
    const auto caches = layer_caches(*shape_, run);
    for (std::size_t i = 0; i < shape_->layers.size() && i < homes_.size(); ++i) {
      MemoryFigures& memory = homes_[i] == kOnHost ? figures.back() : figures[homes_[i]];
      Bytes& kind = shape_->layers[i].sliding ? memory.window : memory.full;
      kind = caches ? plus(kind, Bytes((*caches)[i].kv)) : std::nullopt;
    }
  }

  // Tied embeddings are on the host for the input, and with the output layer again.
  [[nodiscard]] bool holds(std::size_t memory, const TensorFacts& facts) const {
    const std::string_view name = facts.tensor->name;
    if (told_.devices.empty()) return memory == kOnHost;
    if (!name.starts_with("blk.")) {
      const std::size_t output = told_.run.gpu_layers.value_or(1) == 0 ? kOnHost : told_.devices.size() - 1;
      const bool input =
          std::ranges::any_of(kInputNames, [&](std::string_view start) { return name.starts_with(start); });
      return memory == (input ? kOnHost : output) || (tied_ && name == "token_embd.weight" && memory == output);
    }
    const auto block = static_cast<std::size_t>(std::max(facts.layer, 0));
    const bool kept = block < told_.run.cpu_moe_layers && name.find("_exps") != std::string_view::npos;
    return memory == (kept || block >= homes_.size() ? kOnHost : homes_[block]);
  }

  // From the first to the last of a memory's tensors in each file: what the engine prints of buffers that are mapped. The
  // sum of the tensors where some of them are not loaded, which a name does not tell.
  [[nodiscard]] Bytes mapped_bytes(std::size_t memory, Bytes loaded) const {
    if (shape_->predicting != 0) return loaded;
    struct Range {
      std::uint64_t first = ~std::uint64_t{0};
      std::uint64_t last = 0;
    };
    std::map<const ModelFile*, Range> ranges;
    for (const TensorFacts& facts : model_.tensors) {
      if (!holds(memory, facts)) continue;
      Range& range = ranges[facts.file];
      range.first = std::min(range.first, facts.tensor->offset);
      range.last = std::max(range.last, plus(facts.tensor->offset, facts.tensor->bytes));
    }
    std::uint64_t sum = 0;
    for (const auto& [file, range] : ranges) sum = plus(sum, minus(range.last, range.first));
    return sum;
  }

  const Model& model_;
  const ToldRun& told_;
  std::optional<RunModel> shape_;
  std::vector<std::size_t> homes_;
  bool tied_ = false;
};

/// What the engine printed, as far as it is of one memory.
class Log {
 public:
  Log(const LogModel& log, const LogRun& run) : log_(log), run_(run) {
    for (const LogFigure& figure : run.figures) {
      if (figure.part == LogPart::KvCache) caches_ = std::max(caches_, figure.cache + 1);
    }
  }

  /// The sum over the memory's buffers; nothing where none was printed. Weights are the run's own where it has some.
  [[nodiscard]] std::optional<Printed> sum_of(LogPart part, std::string_view memory,
                                              std::optional<std::uint32_t> cache = std::nullopt) const {
    std::optional<Printed> total;
    for (const LogFigure& figure : figures_of(part)) {
      if (figure.part != part || memory_of(figure.device) != memory || (cache && figure.cache != *cache)) continue;
      if (part == LogPart::Weights && is_copy(figure, memory)) continue;
      total = total ? sum(*total, figure.value) : figure.value;
    }
    return total;
  }

  /// Beside the pages of the file what was repacked is there twice.
  [[nodiscard]] bool is_copy(const LogFigure& figure, std::string_view memory) const {
    return is_repacked(figure.device) && mapped(memory);
  }
  [[nodiscard]] bool has(LogPart part) const { return !of(part).empty(); }
  [[nodiscard]] std::uint32_t caches() const { return caches_; }
  [[nodiscard]] bool mapped(std::string_view memory) const {
    const std::vector<LogFigure> weights = of(LogPart::Weights);
    return std::ranges::any_of(
        weights, [&](const LogFigure& f) { return memory_of(f.device) == memory && is_mapped(f.device); });
  }
  /// What the engine calls the memory that the part lies in.
  [[nodiscard]] std::string name_of(LogPart part, std::string_view memory) const {
    if (!memory.empty()) return std::string(memory);
    std::string name;
    for (const LogFigure& figure : of(part)) {
      if (memory_of(figure.device) != memory || (part == LogPart::Weights && is_copy(figure, memory))) continue;
      name = name.empty() || name == figure.device ? figure.device : std::string(kHostName);
    }
    return name.empty() ? std::string(kHostName) : name;
  }
  [[nodiscard]] const std::vector<LogFigure>& loaded() const { return log_.loaded; }
  [[nodiscard]] std::vector<LogFigure> of(LogPart part) const {
    std::vector<LogFigure> some;
    std::ranges::copy_if(figures_of(part), std::back_inserter(some),
                         [&](const LogFigure& figure) { return figure.part == part; });
    return some;
  }

 private:
  [[nodiscard]] const std::vector<LogFigure>& figures_of(LogPart part) const {
    const bool of_run = std::ranges::find(run_.figures, part, &LogFigure::part) != run_.figures.end();
    return of_run ? run_.figures : log_.loaded;
  }
  const LogModel& log_;
  const LogRun& run_;
  std::uint32_t caches_ = 0;
};

void set_rule(std::string_view section, std::string_view name, VerifiedRow& row) {
  row.rule = fmt::format("docs/memory-rules.md {}", section);
  row.rule_name = name;
}

/// The section that says what a cache without windows is.
void set_cache_rule(const RunModel* shape, VerifiedRow& row) {
  if (shape == nullptr || row.part == LogPart::KvWindow) return;
  const auto any = [&](auto&& test) { return std::ranges::any_of(shape->layers, test); };
  if (shape->compresses() || any(&LayerModel::indexed)) {
    set_rule("3.5", "sparse attention", row);
  } else if (any([](const LayerModel& layer) { return layer.mixer == Mixer::Latent; })) {
    set_rule("3.3", "latent attention", row);
  } else if (row.part == LogPart::KvCache && !any(&LayerModel::sliding)) {
    set_rule("3.1", "each layer that has a cache", row);
  }
}

class Comparison {
 public:
  Comparison(const LogModel& log, const LogRun& run, const Model& model, const ToldRun& told)
      : log_(log, run), run_(run), model_(model), told_(told), counter_(model, told) {}

  VerifiedRun compare() {
    verified_.settings = told_.settings;
    verified_.assumptions = told_.assumptions;
    if (predicts()) {
      verified_.assumptions = {"a context of the blocks that predict, beside the model's own: not compared"};
      return std::move(verified_);
    }
    choose_outputs();
    add_file();
    for (std::size_t i = 0; i < told_.devices.size(); ++i) add_memory(i, told_.devices[i]);
    add_memory(told_.devices.size(), {});
    add_context();
    return std::move(verified_);
  }

 private:
  // A model that drafts for itself has a second context, with a cache of these blocks alone.
  [[nodiscard]] bool predicts() const {
    return counter_.shape() != nullptr && run_.cached_layers != 0 && run_.cached_layers == counter_.shape()->predicting;
  }

  // A row of logits for each token or for each sequence is up to the program and its version, and no line tells.
  void choose_outputs() {
    const bool recorded = run_.settings.logits_of_all_tokens;
    if (recorded || !log_.has(LogPart::Compute)) {
      figures_ = counter_.count(std::nullopt);
      return;
    }
    Figures all = counter_.count(std::nullopt);
    Figures few = counter_.count(told_.run.sequences);
    const bool fewer = distance(few) <= distance(all);
    figures_ = fewer ? std::move(few) : std::move(all);
    verified_.assumptions.emplace_back(fewer ? "a row of logits for each sequence, which is nearer to the log"
                                             : "a row of logits for each token, which is nearer to the log");
  }

  // How far the compute buffers are from those of the log, in bytes.
  [[nodiscard]] double distance(const Figures& figures) const {
    double sum = 0;
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const auto printed = log_.sum_of(LogPart::Compute, memory_name(i));
      const auto ours = signed_of(figures[i].need.compute);
      if (printed && ours) sum += std::abs(static_cast<double>(printed->away(*ours)));
    }
    return sum;
  }

  [[nodiscard]] std::string_view memory_name(std::size_t i) const {
    return i < told_.devices.size() ? std::string_view(told_.devices[i]) : std::string_view();
  }

  void add_file() {
    for (const LogFigure& figure : log_.loaded()) {
      if (figure.part != LogPart::File && figure.part != LogPart::Parameters) continue;
      VerifiedRow& row = verified_.rows.emplace_back(row_of(figure.part, {}, figure.value));
      row.weigh = signed_of(figure.part == LogPart::File ? Bytes(model_.weight_bytes) : model_.known_total());
    }
  }

  void add(LogPart part, std::string_view memory, const std::optional<Printed>& engine, Bytes weigh) {
    if (!engine || (engine->value == 0 && weigh == Bytes(0))) return;
    const LogPart printed = part == LogPart::KvFull || part == LogPart::KvWindow ? LogPart::KvCache : part;
    VerifiedRow& row = verified_.rows.emplace_back(row_of(part, log_.name_of(printed, memory), *engine));
    row.weigh = signed_of(weigh);
    if (part == LogPart::Weights && log_.mapped(memory)) set_rule("1.4", "mapped files", row);
    if (part == LogPart::Compute) set_compute_rule(memory, row);
    const bool cache = printed == LogPart::KvCache || part == LogPart::CacheAndState;
    if (cache) set_cache_rule(counter_.shape(), row);
  }

  void set_compute_rule(std::string_view memory, VerifiedRow& row) const {
    const auto quantized = [](Dtype type) { return info(type).block_elements > 1; };
    if (counter_.shape() != nullptr && !compute_is_replayed(*counter_.shape())) {
      set_rule("5.4", "graphs that nobody has seen", row);
    } else if (is_vulkan(memory)) {
      set_rule("5.5", "Vulkan reorders the operations", row);
    } else if (!memory.empty() && (quantized(told_.run.key_type) || quantized(told_.run.value_type))) {
      set_rule("5.5", "a quantized cache on a GPU", row);
    } else if (!told_.devices.empty()) {
      set_rule("5.2", "which memory has what", row);
    }
  }

  void add_memory(std::size_t i, std::string_view memory) {
    const MemoryFigures unknown{.need = {}, .full = {}, .window = {}, .mapped = {}};
    const MemoryFigures& ours = i < figures_.size() ? figures_[i] : unknown;
    const bool mapped = log_.mapped(memory);
    add(LogPart::Weights, memory, log_.sum_of(LogPart::Weights, memory), mapped ? ours.mapped : ours.need.weights);
    for (const LogFigure& figure : log_.of(LogPart::Weights)) {
      const bool copy = memory_of(figure.device) == memory && log_.is_copy(figure, memory);
      if (copy) verified_.rows.push_back(row_of(LogPart::Weights, figure.device, figure.value));
    }
    add_cache(memory, ours);
    add(LogPart::State, memory, of_part(LogPart::State, memory, ours.need.state), ours.need.state);
    add(LogPart::CacheAndState, memory, log_.sum_of(LogPart::CacheAndState, memory),
        plus(ours.need.kv_cache, ours.need.state));
    add(LogPart::Compute, memory, log_.sum_of(LogPart::Compute, memory), ours.need.compute);
    if (memory.empty()) add(LogPart::Output, memory, log_.sum_of(LogPart::Output, memory), ours.need.logits);
  }

  void add_cache(std::string_view memory, const MemoryFigures& ours) {
    const bool kinds = log_.caches() == 2 && slides_and_sees_all();
    if (!kinds) {
      add(LogPart::KvCache, memory, of_part(LogPart::KvCache, memory, ours.need.kv_cache), ours.need.kv_cache);
      return;
    }
    add(LogPart::KvFull, memory, of_part(LogPart::KvCache, memory, ours.full, 0), ours.full);
    add(LogPart::KvWindow, memory, of_part(LogPart::KvCache, memory, ours.window, 1), ours.window);
  }

  // Where the log has the part for other memories, what it does not print of this one is 0.
  [[nodiscard]] std::optional<Printed> of_part(LogPart part, std::string_view memory, Bytes ours,
                                               std::optional<std::uint32_t> cache = std::nullopt) const {
    if (auto printed = log_.sum_of(part, memory, cache)) return printed;
    const bool missing = log_.has(part) && ours && *ours != 0;
    return missing ? std::optional(Printed{}) : std::nullopt;
  }

  [[nodiscard]] bool slides_and_sees_all() const {
    const auto some = [&](Bytes MemoryFigures::*kind) {
      return std::ranges::any_of(figures_, [&](const MemoryFigures& m) { return m.*kind && *(m.*kind) != 0; });
    };
    return some(&MemoryFigures::full) && some(&MemoryFigures::window);
  }

  void add_context() {
    if (!run_.settings.printed_context) return;
    const auto printed = static_cast<std::int64_t>(*run_.settings.printed_context);
    VerifiedRow& row = verified_.rows.emplace_back(row_of(LogPart::Context, {}, {printed, 0, 0}));
    const auto cells = counter_.shape() == nullptr ? std::nullopt : count_cells(*counter_.shape(), told_.run);
    row.weigh = cells ? signed_of(cells->context) : std::nullopt;
  }

  Log log_;
  const LogRun& run_;
  const Model& model_;
  const ToldRun& told_;
  Counter counter_;
  Figures figures_;
  VerifiedRun verified_;
};

}  // namespace

VerifiedRun compare_llama_cpp(const LogModel& log, const LogRun& run, const Model& model, const Run& otherwise) {
  const ToldRun told = told_run(log, run, otherwise);
  return Comparison(log, run, model, told).compare();
}

}  // namespace weigh::core
