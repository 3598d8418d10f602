// What makes a run fit, each proposal weighed before it is made.
#include "src/fit/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "formats/checked.h"
#include "src/fit/context.h"
#include "src/fit/engine_flags.h"
#include "src/fit/layout.h"
#include "src/fit/offload.h"
#include "src/fit/refusal.h"
#include "src/fit/serving.h"
#include "src/fit/weigh_run.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kLeastContext = 1024;  // less is of little use

// Fewer consumer cards than these go into a machine at home.
constexpr std::size_t kMaxCards = 4;
constexpr std::size_t kMaxAccelerators = 8;

class Adviser {
 public:
  Adviser(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue)
      : candidate_(candidate), run_(run), devices_(devices), catalogue_(catalogue) {}

  std::vector<Advice> all(Verdict verdict) {
    context();
    cache();
    start();
    micro_batch();
    projector();
    quantization();
    if (verdict != Verdict::Offload) host();
    device();
    return std::move(advice_);
  }

 private:
  // Adds it when the run fits; says whether it does.
  bool propose(Advice advice, Candidate& candidate, const Run& run, const DeviceSet& devices) {
    if (refusal(candidate.source(), candidate.engine(), devices)) return false;
    const Fit fit = weigh_run(candidate, run, devices);
    if (!runs(fit)) return false;
    advice.need_bytes = fit.need.total();
    advice_.push_back(std::move(advice));
    return true;
  }

  void context() {
    const std::uint64_t asked = candidate_.context(run_);
    const auto largest = largest_context(candidate_, run_, devices_);
    if (!largest || largest->tokens >= asked || largest->tokens < kLeastContext) return;
    Run run = run_;
    run.context = largest->tokens;
    propose({.kind = AdviceKind::Context,
             .context = largest->tokens,
             .flags = {"--context", std::to_string(largest->tokens)}},
            candidate_, run, devices_);
  }

  [[nodiscard]] std::vector<Dtype> smaller_caches() const {
    if (run_.key_type != Dtype::F16 || run_.value_type != Dtype::F16) return {};
    if (traits_of(candidate_.engine()).pools) return {Dtype::F8_E4M3};
    // Quantized values need flash attention.
    if (candidate_.engine() == Engine::LlamaCpp && run_.flash_attention) return {Dtype::Q8_0, Dtype::Q4_0};
    return {};
  }

  void cache() {
    const bool context_helps = !advice_.empty();
    for (const Dtype type : smaller_caches()) {
      Run run = run_;
      run.key_type = run.value_type = type;
      const std::string name = cache_type_text(run);
      if (propose({.kind = AdviceKind::Cache, .name = name, .flags = {"--kv-type", name}}, candidate_, run, devices_))
        return;
    }
    if (context_helps) return;
    for (const Dtype type : smaller_caches()) {
      Run run = run_;
      run.key_type = run.value_type = type;
      const auto largest = largest_context(candidate_, run, devices_);
      if (!largest || largest->tokens < kLeastContext || largest->tokens >= candidate_.context(run_)) continue;
      run.context = largest->tokens;
      const std::string name = cache_type_text(run);
      propose({.kind = AdviceKind::Cache,
               .name = name,
               .context = largest->tokens,
               .flags = {"--kv-type", name, "--context", std::to_string(largest->tokens)}},
              candidate_, run, devices_);
      return;
    }
  }

  // Settings of a start, each by itself: fewer sequences at a time, a larger share, no graphs.
  void start() {
    if (!is_served(candidate_)) return;
    constexpr std::array<std::uint64_t, 8> kFewer{128, 64, 32, 16, 8, 4, 2, 1};
    static constexpr std::uint64_t kLargeShare = 9500;
    const Engine engine = candidate_.engine();
    const auto tried = [&](std::string name, std::vector<std::string> flags, auto&& set) {
      Run run = run_;
      set(run.serving);
      return propose({.kind = AdviceKind::Start, .name = std::move(name), .flags = std::move(flags)}, candidate_, run,
                     devices_);
    };
    if (!run_.serving.share && !run_.serving.pool_bytes && has_host_memory(devices_.slots.front().device)) {
      tried("a share of 0.95", {"--gpu-memory-utilization", "0.95"},
            [](ServingSettings& serving) { serving.share = kLargeShare; });
    }
    if (engine != Engine::Vllm) return;
    for (const std::uint64_t few : kFewer) {
      if (few >= run_.serving.max_sequences.value_or(kFewer.front() + 1) || few < run_.sequences) continue;
      if (tried(fmt::format("at most {} sequences at a time", few), {"--max-num-seqs", std::to_string(few)},
                [&](ServingSettings& serving) { serving.max_sequences = few; })) {
        break;
      }
    }
    if (run_.serving.eager) return;
    tried("no CUDA graphs, slower", {"--enforce-eager"}, [](ServingSettings& serving) { serving.eager = true; });
  }

  void micro_batch() {
    constexpr std::uint64_t kSmall = 128;
    if (candidate_.engine() != Engine::LlamaCpp || run_.micro_batch <= kSmall) return;
    Run run = run_;
    run.micro_batch = kSmall;
    propose({.kind = AdviceKind::MicroBatch, .micro_batch = kSmall, .flags = {"--ubatch", std::to_string(kSmall)}},
            candidate_, run, devices_);
  }

  void projector() {
    const bool has_one = std::ranges::any_of(
        candidate_.companions(), [](const Companion& companion) { return companion.role == CompanionRole::Projector; });
    if (!has_one || run_.projector_on_host || !beside_host(candidate_, devices_)) return;
    Run run = run_;
    run.projector_on_host = true;
    propose({.kind = AdviceKind::Projector, .flags = {"--no-mmproj-offload"}}, candidate_, run, devices_);
  }

  void quantization() {
    if (quantize(run_, std::nullopt) || candidate_.context(run_) <= kDefaultContext) return;
    quantize(run_, kDefaultContext);
  }

  bool quantize(Run asked, std::optional<std::uint64_t> context) {
    const Model& source = candidate_.source();
    if (context) asked.context = context;
    Conversion conversion = to_llama_cpp(asked);
    const auto smaller = largest_fitting_type(source, conversion.run, devices_, candidate_.companions());
    if (!smaller) return false;
    const std::string name(smaller->type->name);
    std::vector<std::string> flags = std::move(conversion.flags);
    flags.insert(flags.end(), {"--as", name});
    if (context) flags.insert(flags.end(), {"--context", std::to_string(*context)});
    Candidate as_smaller(source, Engine::LlamaCpp, smaller->type, candidate_.companions());
    return propose({.kind = AdviceKind::Quantization,
                    .name = name,
                    .context = context,
                    .weight_bytes = smaller->weight_bytes,
                    .from_original = default_engine(source) == Engine::LlamaCpp,
                    .flags = std::move(flags)},
                   as_smaller, conversion.run, devices_);
  }

  // The same run in llama.cpp, and the flags that say so.
  struct Conversion {
    Run run;
    std::vector<std::string> flags;
  };
  [[nodiscard]] Conversion to_llama_cpp(const Run& run) const {
    Conversion conversion{run, {}};
    conversion.run.engine = Engine::LlamaCpp;
    if (candidate_.engine() != Engine::LlamaCpp) conversion.flags = {"--engine", "llama.cpp"};
    if (!takes_cache_type(Engine::LlamaCpp, {run.key_type, run.scale_per_head}) ||
        !takes_cache_type(Engine::LlamaCpp, {run.value_type})) {
      conversion.run.key_type = conversion.run.value_type = Dtype::F16;
      conversion.run.scale_per_head = false;
      conversion.flags.insert(conversion.flags.end(), {"--kv-type", "f16"});
    }
    return conversion;
  }

  // As it is, or from another engine as the GGUF that most people run.
  void host() {
    if (run_.places_layers()) return;
    if (candidate_.engine() == Engine::LlamaCpp) return move_to_host(candidate_, run_, {});
    if (candidate_.source().quantization) return;
    const QuantizerType* usual = find_quantizer_type("Q4_K_M");
    Conversion conversion = to_llama_cpp(run_);
    Advice advice{.name = std::string(usual->name), .flags = std::move(conversion.flags)};
    advice.flags.insert(advice.flags.end(), {"--as", advice.name});
    Candidate quantized(candidate_.source(), Engine::LlamaCpp, usual, candidate_.companions());
    move_to_host(quantized, conversion.run, std::move(advice));
  }

  void move_to_host(Candidate& candidate, const Run& run, Advice advice) {
    const auto moved = moved_to_host(candidate, run, devices_);
    if (!moved || (moved->cpu_moe_layers == 0 && moved->gpu_layers > candidate.parts().blocks.size())) return;
    advice.kind = moved->gpu_layers ? AdviceKind::Layers : AdviceKind::Experts;
    advice.expert_layers = moved->cpu_moe_layers;
    if (moved->cpu_moe_layers != 0) {
      advice.flags.insert(advice.flags.end(), {"--n-cpu-moe", std::to_string(moved->cpu_moe_layers)});
    }
    if (moved->gpu_layers) {
      advice.flags.insert(advice.flags.end(), {"--gpu-layers", std::to_string(*moved->gpu_layers)});
      advice.all_layers = candidate.parts().blocks.size() + 1;
      advice.host_layers = minus(advice.all_layers, *moved->gpu_layers);
    }
    advice.host_bytes = lay_out(candidate, *moved, devices_).host.total();
    propose(std::move(advice), candidate, *moved, devices_);
  }

  // A second one of the same, and the smallest device of those that many have.
  void device() {
    const Device& first = devices_.slots.front().device;
    const bool one_by_one = devices_.label.asked == devices_.label.count;  // no whole machines
    if (devices_.alike() && one_by_one && has_host_memory(first)) {
      several(first);
    }
    std::optional<DeviceSet> best;
    for (const Device& device : catalogue_.devices()) {
      if (!device.common) continue;
      DeviceSet devices = device_set_of(device, devices_.host.value_or(assumed_host()));
      if (device.kind == first.kind && device.memory_bytes <= first.memory_bytes) continue;  // its twin in a laptop
      if (best && !better(devices, *best, first.kind)) continue;
      if (weigh_run(candidate_, run_, devices).verdict == Verdict::Fits &&
          !refusal(candidate_.source(), candidate_.engine(), devices))
        best = std::move(devices);
    }
    if (best) {
      const std::string& id = best->label.id;
      propose({.kind = AdviceKind::Device, .name = id, .flags = {"--on", id}}, candidate_, run_, *best);
    }
  }

  // The next more of the same; engines with a pool cut the heads of the attention into equal parts.
  void several(const Device& device) {
    const std::size_t most = device.kind == DeviceKind::DiscreteGpu ? kMaxCards : kMaxAccelerators;
    std::uint64_t heads = 0;
    if (const RunModel* model = candidate_.run_model()) {
      for (const LayerModel& layer : model->layers) heads = std::max(heads, layer.heads);
    }
    for (std::size_t count = devices_.slots.size() + 1; count <= most; ++count) {
      if (traits_of(candidate_.engine()).pools && heads % count != 0) continue;
      Device more = device;
      more.count = more.asked = static_cast<std::uint32_t>(count);
      const std::string name = fmt::format("{}x {}", count, device.id);
      const DeviceSet devices = device_set_of(more, devices_.host.value_or(assumed_host()));
      if (propose({.kind = AdviceKind::Device, .name = name, .flags = {"--on", name}}, candidate_, run_, devices))
        return;
    }
  }

  // Of the same kind as the one at hand, then with the smaller budget.
  static bool better(const DeviceSet& a, const DeviceSet& b, DeviceKind like) {
    const bool a_alike = a.label.kind == like;
    const bool b_alike = b.label.kind == like;
    if (a_alike != b_alike) return a_alike;
    const auto safe = [](const DeviceSet& set) { return times(set.slots.front().budget.safe, set.label.count); };
    return safe(a) < safe(b);
  }

  Candidate& candidate_;
  const Run& run_;
  const DeviceSet& devices_;
  const Catalogue& catalogue_;
  std::vector<Advice> advice_;
};

}  // namespace

std::optional<SmallerType> largest_fitting_type(const Model& source, Run run, const DeviceSet& devices,
                                                const std::vector<Companion>& companions) {
  const bool gguf = is_gguf(source.checkpoint);
  if (source.checkpoint.files.empty() || (!gguf && source.quantization) || !source.parameters_known)
    return std::nullopt;
  std::uint64_t room = 0;
  for (const Slot& slot : devices.slots) room += slot.budget.safe;
  const GgufPlan plan = plan_gguf(source);
  std::vector<SmallerType> types;
  for (const std::string_view name : published_types()) {
    const QuantizerType* type = find_quantizer_type(name);
    const QuantizedSize size = predict(plan, *type);
    if (!size.refusal && size.tensor_bytes < source.weight_bytes) types.push_back({type, size.tensor_bytes});
  }
  std::ranges::stable_sort(types, std::greater<>(), &SmallerType::weight_bytes);
  run.engine = Engine::LlamaCpp;
  for (const SmallerType& smaller : types) {
    // Embeddings may lie on the host, but never half of it all; and with a host beside it even more may.
    if (smaller.weight_bytes / 2 > room && !run.places_layers()) continue;
    Candidate candidate(source, Engine::LlamaCpp, smaller.type, companions);
    if (fits(candidate, run, devices)) return smaller;
  }
  return std::nullopt;
}

std::vector<Advice> advise(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue,
                           Verdict verdict) {
  return Adviser(candidate, run, devices, catalogue).all(verdict);
}

}  // namespace weigh::core
