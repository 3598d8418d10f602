// What makes a run fit, each proposal weighed before it is made.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "src/devices/units.h"
#include "src/fit/fit.h"
#include "src/model/sum.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kLeastContext = 1024;  // less is of little use

// Types for models that were trained in one or two bits: any other is spoilt by them.
bool is_for_ternary(Ftype type) {
  return type == Ftype::TQ1_0 || type == Ftype::TQ2_0 || type == Ftype::Q1_0 || type == Ftype::Q2_0;
}

class Adviser {
 public:
  Adviser(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue)
      : candidate_(candidate), run_(run), devices_(devices), catalogue_(catalogue) {}

  std::vector<Advice> all() {
    context();
    cache();
    micro_batch();
    projector();
    quantization();
    host();
    device();
    return std::move(advice_);
  }

 private:
  // Adds it when the run fits; says whether it does.
  bool propose(std::string_view kind, std::string text, std::vector<std::string> flags, Candidate& candidate,
               const Run& run, const DeviceSet& devices) {
    const Fit fit = weigh_run(candidate, run, devices);
    if (fit.verdict != Verdict::Fits || !fit.need.kv_cache || !fit.need.compute) return false;
    advice_.push_back({kind, std::move(text), std::move(flags), fit.need.total()});
    return true;
  }

  void context() {
    const std::uint64_t asked = context_of(candidate_, run_);
    const auto largest = largest_context(candidate_, run_, devices_);
    if (!largest || largest->tokens >= asked || largest->tokens < kLeastContext) return;
    Run run = run_;
    run.context = largest->tokens;
    propose("context", fmt::format("a context of {} tokens", largest->tokens),
            {"--context", std::to_string(largest->tokens)}, candidate_, run, devices_);
  }

  [[nodiscard]] std::vector<Dtype> smaller_caches() const {
    if (run_.key_type != Dtype::F16 || run_.value_type != Dtype::F16) return {};
    if (candidate_.engine() == Engine::Vllm) return {Dtype::F8_E4M3};
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
      if (propose("cache", fmt::format("a KV cache in {}", name), {"--kv-type", name}, candidate_, run, devices_))
        return;
    }
    if (context_helps) return;
    for (const Dtype type : smaller_caches()) {
      Run run = run_;
      run.key_type = run.value_type = type;
      const auto largest = largest_context(candidate_, run, devices_);
      if (!largest || largest->tokens < kLeastContext || largest->tokens >= context_of(candidate_, run_)) continue;
      run.context = largest->tokens;
      const std::string name = cache_type_text(run);
      const std::string tokens = std::to_string(largest->tokens);
      propose("cache", fmt::format("a KV cache in {} and a context of {} tokens", name, tokens),
              {"--kv-type", name, "--context", tokens}, candidate_, run, devices_);
      return;
    }
  }

  void micro_batch() {
    constexpr std::uint64_t kSmall = 128;
    if (candidate_.engine() != Engine::LlamaCpp || run_.micro_batch <= kSmall) return;
    Run run = run_;
    run.micro_batch = kSmall;
    propose("micro-batch", fmt::format("micro-batches of {} tokens, slower at reading prompts", kSmall),
            {"--ubatch", std::to_string(kSmall)}, candidate_, run, devices_);
  }

  void projector() {
    const bool has_one = std::ranges::any_of(
        candidate_.companions(), [](const Companion& companion) { return companion.role == CompanionRole::Projector; });
    if (!has_one || run_.projector_on_host || !beside_host(candidate_, run_, devices_)) return;
    Run run = run_;
    run.projector_on_host = true;
    propose("projector", "the projector in host memory, slower at reading images", {"--no-mmproj-offload"}, candidate_,
            run, devices_);
  }

  void quantization() {
    constexpr std::uint64_t kUsual = 4096;
    if (quantize(run_, "", {}) || context_of(candidate_, run_) <= kUsual) return;
    Run run = run_;
    run.context = kUsual;
    quantize(run, fmt::format(" and a context of {} tokens", kUsual), {"--context", std::to_string(kUsual)});
  }

  bool quantize(const Run& asked, const std::string& also, const std::vector<std::string>& more) {
    const Model& source = candidate_.source();
    Conversion conversion = to_llama_cpp(asked);
    const auto smaller = largest_fitting_type(source, conversion.run, devices_, candidate_.companions());
    if (!smaller) return false;
    const std::string name(smaller->type->name);
    std::vector<std::string> flags = std::move(conversion.flags);
    flags.insert(flags.end(), {"--as", name});
    flags.insert(flags.end(), more.begin(), more.end());
    const bool original = default_engine(source) != Engine::LlamaCpp;
    Candidate as_smaller(source, Engine::LlamaCpp, smaller->type, candidate_.companions());
    return propose("quantisation",
                   fmt::format("{} for the weights, {}{}{}", name, human_bytes(smaller->weight_bytes),
                               original ? "" : ", made from the original", also),
                   std::move(flags), as_smaller, conversion.run, devices_);
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
    if (!takes_cache_type(Engine::LlamaCpp, run.key_type) || !takes_cache_type(Engine::LlamaCpp, run.value_type)) {
      conversion.run.key_type = conversion.run.value_type = Dtype::F16;
      conversion.flags.insert(conversion.flags.end(), {"--kv-type", "f16"});
    }
    return conversion;
  }

  // As it is, or from another engine as the GGUF that most people run.
  void host() {
    if (run_.gpu_layers || run_.cpu_moe_layers != 0) return;
    if (candidate_.engine() == Engine::LlamaCpp) return move_to_host(candidate_, run_, {}, "");
    if (candidate_.source().quantization) return;
    const QuantizerType* usual = find_quantizer_type("Q4_K_M");
    Conversion conversion = to_llama_cpp(run_);
    conversion.flags.insert(conversion.flags.end(), {"--as", std::string(usual->name)});
    Candidate quantized(candidate_.source(), Engine::LlamaCpp, usual, candidate_.companions());
    move_to_host(quantized, conversion.run, std::move(conversion.flags), fmt::format("{} and ", usual->name));
  }

  void move_to_host(Candidate& candidate, const Run& run, std::vector<std::string> flags, std::string text) {
    const auto moved = moved_to_host(candidate, run, devices_);
    if (!moved) return;
    if (moved->cpu_moe_layers != 0) {
      flags.insert(flags.end(), {"--n-cpu-moe", std::to_string(moved->cpu_moe_layers)});
      text += fmt::format("the experts of {} layers{}", moved->cpu_moe_layers, moved->gpu_layers ? " and " : "");
    }
    if (moved->gpu_layers) {
      flags.insert(flags.end(), {"--gpu-layers", std::to_string(*moved->gpu_layers)});
      const std::uint64_t layers = candidate.parts().blocks.size() + 1;
      text += fmt::format("{} of {} layers", layers - std::min(layers, *moved->gpu_layers), layers);
    }
    const Layout layout = lay_out(candidate, *moved, devices_);
    text += fmt::format(" in host memory, {} there", human_bytes(layout.host.total()));
    propose(moved->gpu_layers ? "layers" : "experts", std::move(text), std::move(flags), candidate, *moved, devices_);
  }

  // A second one of the same, and the smallest device of those that many have.
  void device() {
    const Device& first = devices_.slots.front();
    const bool alike = std::ranges::all_of(devices_.slots, [&](const Device& slot) { return slot.id == first.id; });
    const bool one_by_one = devices_.label.asked == devices_.label.count;  // no whole machines
    if (alike && one_by_one && !devices_.host && has_host_memory(first) && first.kind != DeviceKind::Size) {
      several(first);
    }
    const Device* best = nullptr;
    for (const Device& device : catalogue_.devices()) {
      if (!device.common || (best != nullptr && !better(device, *best, first))) continue;
      if (weigh_run(candidate_, run_, device_set_of(device)).verdict == Verdict::Fits) best = &device;
    }
    if (best != nullptr) propose("device", best->id, {"--on", best->id}, candidate_, run_, device_set_of(*best));
  }

  // The next more of the same; vLLM cuts the heads of the attention into equal parts.
  void several(const Device& device) {
    constexpr std::size_t kMax = 8;
    std::uint64_t heads = 0;
    if (const RunModel* model = candidate_.run_model()) {
      for (const LayerModel& layer : model->layers) heads = std::max(heads, layer.heads);
    }
    for (std::size_t count = devices_.slots.size() + 1; count <= kMax; ++count) {
      if (candidate_.engine() == Engine::Vllm && heads % count != 0) continue;
      Device more = device;
      more.count = more.asked = static_cast<std::uint32_t>(count);
      const std::string name = fmt::format("{}x {}", count, device.id);
      if (propose("device", name, {"--on", name}, candidate_, run_, device_set_of(more))) return;
    }
  }

  // Of the same kind as the one at hand, then with the smaller budget.
  static bool better(const Device& a, const Device& b, const Device& like) {
    const bool a_alike = a.kind == like.kind;
    const bool b_alike = b.kind == like.kind;
    if (a_alike != b_alike) return a_alike;
    return times(budget_of(a).safe, a.count) < times(budget_of(b).safe, b.count);
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
  const bool gguf = !source.checkpoint.files.empty() && source.checkpoint.files.front().format == Format::Gguf;
  if (source.checkpoint.files.empty() || (!gguf && source.quantization)) return std::nullopt;
  std::uint64_t room = 0;
  for (const Device& slot : devices.slots) room += budget_of(slot).safe;
  const GgufPlan plan = plan_gguf(source);
  std::vector<SmallerType> types;
  for (const QuantizerType& type : quantizer_types()) {
    if (is_for_ternary(type.ftype)) continue;
    const QuantizedSize size = predict(plan, type);
    if (!size.refusal && size.tensor_bytes < source.weight_bytes) types.push_back({&type, size.tensor_bytes});
  }
  std::ranges::stable_sort(types, std::greater<>(), &SmallerType::weight_bytes);
  run.engine = Engine::LlamaCpp;
  for (const SmallerType& smaller : types) {
    // Embeddings may lie on the host, but never half of it all; and with a host beside it even more may.
    if (smaller.weight_bytes / 2 > room && !run.gpu_layers && run.cpu_moe_layers == 0) continue;
    Candidate candidate(source, Engine::LlamaCpp, smaller.type, companions);
    const Fit fit = weigh_run(candidate, run, devices);
    if (fit.verdict == Verdict::Fits && fit.need.kv_cache && fit.need.compute) return smaller;
  }
  return std::nullopt;
}

std::vector<Advice> advise(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue) {
  return Adviser(candidate, run, devices, catalogue).all();
}

}  // namespace weigh::core
