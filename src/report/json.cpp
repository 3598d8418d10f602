#include "src/report/json.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "formats/text.h"
#include "src/fit/companions.h"
#include "src/memory/memory.h"
#include "src/model/naming/roles.h"
#include "src/report/escape.h"
#include "src/report/fit_words.h"
#include "src/report/json_value.h"
#include "src/report/json_writer.h"
#include "src/report/summary.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

void write_files(const Checkpoint& checkpoint, JsonText& text, JsonWriter& json) {
  json.array("files", [&] {
    for (std::size_t i = 0; i < checkpoint.files.size(); ++i) {
      const ModelFile& file = checkpoint.files[i];
      json.object([&] {
        json.field("path", text.noted(i < checkpoint.file_paths.size() ? checkpoint.file_paths[i] : file.name));
        json.field("bytes", file.file_bytes);
        json.field("header_bytes", file.header_bytes);
        json.field("data_bytes", file.data_bytes());
        json.field("tensors", file.tensors.size());
      });
    }
  });
}

void write_architecture(const Architecture& architecture, JsonText& text, JsonWriter& json) {
  json.object("architecture", [&] {
    json.field("name", text.noted(architecture.name));
    json.field("layers", architecture.layers);
    json.field("context_length", architecture.context_length);
    json.field("embedding_length", architecture.embedding_length);
    json.field("heads", architecture.heads);
    json.field("kv_heads", architecture.kv_heads);
    json.field("vocab_size", architecture.vocab_size);
    const auto& per_layer = architecture.kv_heads_per_layer;
    json.field("kv_heads_per_layer", per_layer.empty() ? std::nullopt : std::optional(per_layer));
    json.field("head_size_k", architecture.head_size_k);
    json.field("head_size_v", architecture.head_size_v);
    json.field("feed_forward_length", architecture.feed_forward_length);
    json.field("expert_feed_forward_length", architecture.expert_feed_forward_length);
    json.field("sliding_window", architecture.sliding_window);
    json.field("tied_embeddings", architecture.tied_embeddings);
    json.field("tokenizer", text.noted(architecture.tokenizer));
    json.field("chat_template", architecture.chat_template);
    json.field("license", text.noted(architecture.license));
    json.field("base_model", text.noted(architecture.base_model));
  });
}

void write_parameters(const Model& model, JsonWriter& json) {
  json.object("parameters", [&] {
    json.field("total", model.known_total());
    json.field("active", model.active_parameters);
    json.field("prediction", model.prediction ? known_parameters(*model.prediction) : std::optional<std::uint64_t>(0));
    if (const auto& conventions = model.active_conventions) {
      json.field("active_without_embedding", conventions->without_embedding);
      json.field("active_without_embedding_and_head", conventions->without_embedding_and_head);
    }
  });
}

void write_weights(const Model& model, JsonText& text, JsonWriter& json) {
  json.object("weights", [&] {
    json.field("bytes", model.weight_bytes);
    json.field("padding_bytes", model.padding_bytes);
    json.field("bits_per_weight", model.bits_per_weight());
    json.array("by_dtype", [&] {
      for (const DtypeTotals& row : model.by_dtype) {
        json.object([&] {
          json.field("dtype", text.noted(row.dtype));
          json.field("tensors", row.tensors);
          json.field("elements", row.elements);
          json.field("parameters", known_parameters(row));
          json.field("bytes", row.bytes);
        });
      }
    });
    json.array("by_role", [&] {
      for (const RoleTotals& row : model.by_role) {
        json.object([&] {
          json.field("role", role_name(row.role));
          json.field("tensors", row.tensors);
          json.field("parameters", known_parameters(row));
          json.field("bytes", row.bytes);
        });
      }
    });
  });
}

Json experts_json(const std::optional<Experts>& experts) {
  if (!experts) return nullptr;
  return {{"count", experts->count},
          {"used", json_or_null(experts->used)},
          {"shared", experts->shared},
          {"layers", experts->layers},
          {"parameters", json_or_null(known_parameters(*experts))},
          {"active_parameters", json_or_null(experts->active_parameters)},
          {"bytes", experts->bytes}};
}

Json quantization_json(const std::optional<NamedQuantization>& quantization, JsonText& text) {
  if (!quantization) return nullptr;
  return {{"scheme", text(quantization->scheme)},
          {"name", text(quantization->name)},
          {"bits", json_or_null(quantization->bits)},
          {"group_size", json_or_null(quantization->group_size)}};
}

Json need_json(const MemoryNeed& need) {
  return {{"weights", json_or_null(need.weights)},   {"kv_cache", json_or_null(need.kv_cache)},
          {"state", json_or_null(need.state)},       {"compute", json_or_null(need.compute)},
          {"overhead", json_or_null(need.overhead)}, {"total", need.total()}};
}

Json companions_json(const std::vector<CompanionShare>& companions, JsonText& text) {
  Json result = Json::array();
  for (const CompanionShare& share : companions) {
    result.push_back({{"role", role_name(share.role)},
                      {"path", text(share.path)},
                      {"kv_type", share.kv_type.empty() ? Json() : Json(share.kv_type)},
                      {"need", need_json(share.need)},
                      {"host_bytes", share.host_bytes}});
  }
  return result;
}

Json part_json(const PlacedPart& part) {
  return {{"device", part.device},
          {"layers", part.layers},
          {"output", part.output},
          {"need", need_json(part.need)},
          {"budget_bytes", part.budget_bytes}};
}

Json placement_json(const Fit& fit) {
  const std::optional<Placement>& plan = fit.placement;
  if (!plan) return nullptr;
  Json devices = Json::array();
  for (const PlacedPart& part : plan->devices) devices.push_back(part_json(part));
  return {{"gpu_layers", json_or_null(plan->gpu_layers)},
          {"cpu_moe_layers", plan->cpu_moe_layers},
          {"per_device", std::move(devices)},
          {"host", part_json(plan->host)},
          {"host_bytes", plan->host.need.total()},
          {"flags", fit.flags}};
}

Json host_json(const std::optional<HostShare>& host) {
  if (!host) return nullptr;
  return {{"need_bytes", host->need_bytes},
          {"budget_bytes", host->budget.safe},
          {"memory_bytes", host->budget.memory},
          {"source", host_source_name(host->source)}};
}

Json advice_json(const std::vector<Advice>& advice) {
  Json rows = Json::array();
  for (const Advice& one : advice) {
    rows.push_back({{"kind", advice_name(one.kind)},
                    {"text", advice_text(one)},
                    {"flags", one.flags},
                    {"need_bytes", one.need_bytes}});
  }
  return rows;
}

Json speed_json(const std::optional<SpeedBound>& speed) {
  if (!speed) return nullptr;
  return {{"empty", speed->empty}, {"full", speed->full}};
}

Json serving_json(const std::optional<Serving>& serving) {
  if (!serving) return nullptr;
  return {{"available_kv_bytes", serving->available_bytes * static_cast<std::int64_t>(serving->devices)},
          {"blocks", serving->blocks},
          {"pool_tokens", serving->pool_tokens},
          {"max_concurrency", serving->max_concurrency},
          {"starts", serving->starts},
          {"error", serving->error.empty() ? Json() : Json(serving->error)},
          {"version", serving->version.empty() ? Json() : Json(serving->version)},
          {"per_device",
           {{"requested_bytes", serving->requested_bytes},
            {"weight_bytes", serving->weight_bytes},
            {"activation_bytes", serving->activation_bytes},
            {"non_torch_bytes", serving->outside_bytes},
            {"graph_bytes", serving->graph_bytes},
            {"available_kv_bytes", serving->available_bytes}}},
          {"block_tokens", serving->block_tokens},
          {"blocks_per_request", serving->blocks_per_request},
          {"request_bytes", serving->request_bytes},
          {"max_model_len", json_or_null(serving->longest)},
          {"assumptions", serving->assumptions}};
}

Json training_json(const std::optional<Training>& training, JsonText& text) {
  if (!training) return nullptr;
  const TrainingSettings& settings = training->settings;
  const TrainingNeed& need = training->need;
  Json assumptions = Json::array();
  for (const std::string& note : training->assumptions) assumptions.push_back(text(note));
  return {{"recipe", name_of(settings.recipe)},
          {"optimizer", settings.optimizer->name},
          {"rank", settings.recipe == Recipe::Full ? Json() : Json(settings.rank)},
          {"sequences", settings.sequences},
          {"tokens", training->tokens},
          {"checkpointing", name_of(settings.checkpointing)},
          {"shard", name_of(settings.sharding)},
          {"devices", settings.devices},
          {"trained_parameters", need.trained_parameters},
          {"weights", need.weights},
          {"gradients", need.gradients},
          {"optimizer_states", need.optimizer_states},
          {"activations", json_or_null(need.activations)},
          {"logits", json_or_null(need.logits)},
          {"overhead", need.overhead},
          {"total", need.total()},
          {"rules", training->rules},
          {"assumptions", std::move(assumptions)},
          {"estimate", true}};
}

Json fit_json(const Fit& fit, JsonText& text) {
  return {{"device", fit.device.id},
          {"count", fit.device.count},
          {"engine", fit.engine ? Json(engine_name(*fit.engine)) : Json()},
          {"context", json_or_null(fit.context)},
          {"kv_type", fit.kv_type.empty() ? Json() : Json(fit.kv_type)},
          {"memory_bytes", fit.memory_bytes},
          {"limit_bytes", fit.limit_bytes},
          {"budget_bytes", fit.budget_bytes},
          {"need", need_json(fit.need)},
          {"companions", companions_json(fit.companions, text)},
          {"basis", fit.basis ? Json(basis_name(*fit.basis)) : Json()},
          {"exact_for", fit.exact ? Json(kRuleSet) : Json()},
          {"remark", fit.remark == Remark::None ? Json() : text(remark_text(fit.remark, fit.architecture))},
          {"verdict", verdict_name(fit.verdict)},
          {"headroom_bytes", fit.headroom_bytes},
          {"reason", reason_text(fit)},
          {"host", host_json(fit.host)},
          {"serving", serving_json(fit.serving)},
          {"placement", placement_json(fit)},
          {"max_context", json_or_null(fit.max_context)},
          {"tokens_per_second_bound", speed_json(fit.speed)},
          {"command", fit.command.empty() ? Json() : text(shell_escaped(fit.command))},
          {"advice", advice_json(fit.advice)},
          {"training", training_json(fit.training, text)}};
}

// The members of a MODEL.
void write_members(const Model& model, const std::optional<NamedQuantization>& named, const std::vector<Fit>& fits,
                   std::optional<std::uint64_t> predicted_file_bytes, JsonWriter& json) {
  const bool from_file = !model.checkpoint.files.empty();
  const bool predicted = predicted_file_bytes.has_value();
  JsonText text;
  json.field("path", text.noted(from_file || predicted ? std::optional(model.checkpoint.path) : std::nullopt));
  json.field("name", text.noted(model.checkpoint.name));
  if (predicted) {
    json.field("format", format_name(Format::Gguf));
  } else if (from_file) {
    json.field("format", format_name(model.checkpoint.files.front().format));
  } else {
    json.field("format", nullptr);
  }
  std::optional<std::uint32_t> version;
  std::optional<std::string_view> byte_order;
  if (from_file) {
    const ModelFile& first = model.checkpoint.files.front();
    if (first.format == Format::Gguf) version = first.version;
    byte_order = first.byte_order == std::endian::big ? "big" : "little";
  }
  json.field("format_version", version);
  json.field("byte_order", byte_order);
  if (predicted) {
    json.field("predicted", true);
    json.field("file_bytes", *predicted_file_bytes);
  }
  write_files(model.checkpoint, text, json);
  write_architecture(model.architecture, text, json);
  json.field("kind", text.noted(model.kind.empty() ? std::nullopt : std::optional(model.kind)));
  write_parameters(model, json);
  write_weights(model, text, json);
  json.field("experts", experts_json(model.experts));
  json.field("quantization", quantization_json(named, text));
  // Before the findings, of which one may be about a text in it.
  Json fit_rows = Json::array();
  for (const Fit& fit : fits) fit_rows.push_back(fit_json(fit, text));
  json.array("findings", [&] {
    for (const Finding& finding : model.findings) json.add(finding_json(finding, text));
    if (const Json replaced = text.finding(); !replaced.is_null()) json.add(replaced);
  });
  json.field("fit", fit_rows);
}

// The document of `weigh inspect`; `fill` writes the models.
std::string inspect_document(const std::vector<Failure>& errors, const std::vector<PipelineReport>& pipelines,
                             const auto& fill) {
  JsonWriter json(JsonWriter::Layout::Indented);
  json.object([&] {
    json.field("schema", kInspectSchema);
    json.object("tool", [&] {
      json.field("name", "weigh");
      json.field("version", WEIGH_VERSION);
    });
    json.array("models", [&] { fill(json); });
    json.field("errors", failures_json(errors));
    if (pipelines.empty()) return;
    json.array("pipelines", [&] {
      for (const PipelineReport& pipeline : pipelines) json.add(pipeline_json(pipeline));
    });
  });
  return json.take();
}

}  // namespace

Json pipeline_json(const PipelineReport& report) {
  JsonText text;
  const auto fits_json = [&](const std::vector<Fit>& fits) {
    Json rows = Json::array();
    for (const Fit& fit : fits) rows.push_back(fit_json(fit, text));
    return rows;
  };
  Json parts = Json::array();
  for (const PipelineReport::Part& part : report.parts) {
    parts.push_back({{"name", text(part.name)}, {"path", text(part.path)}, {"weight_bytes", part.weight_bytes}});
  }
  Json missing = Json::array();
  for (const std::string& name : report.missing) missing.push_back(text(name));
  return {{"path", text(report.path)},
          {"name", text(report.name)},
          {"kind", pipeline_kind_name(report.kind)},
          {"parts", std::move(parts)},
          {"missing", std::move(missing)},
          {"parameters", {{"total", json_or_null(report.parameters)}}},
          {"weights", {{"bytes", report.weight_bytes}}},
          {"fit", fits_json(report.at_once)},
          {"fit_on_host", fits_json(report.on_host)}};
}

Json finding_json(const Finding& finding, JsonText& text) {
  Json result{{"severity", severity_name(finding.severity)},
              {"code", name_of(finding.code)},
              {"message", text(finding.message)}};
  if (!finding.tensor.empty()) result["tensor"] = text(finding.tensor);
  if (finding.offset) result["offset"] = *finding.offset;
  if (!finding.file.empty()) result["file"] = text(finding.file);
  for (const std::string& file : finding.files) result["files"].push_back(text(file));
  return result;
}

std::string_view JsonText::noted(std::string_view text) {
  replaced_ = replaced_ || !is_utf8(text);
  return text;
}

std::optional<std::string_view> JsonText::noted(const std::optional<std::string>& text) {
  return text ? std::optional(noted(std::string_view(*text))) : std::nullopt;
}

Json JsonText::operator()(std::string_view text) { return Json(noted(text)); }

Json JsonText::finding() const {
  if (!replaced_) return nullptr;
  return {{"severity", "warning"},
          {"code", name_of(FindingCode::InvalidUtf8)},
          {"message", "some text of the file is not UTF-8; the bytes that are not are written as U+FFFD"}};
}

Json failures_json(const std::vector<Failure>& failures) {
  Json result = Json::array();
  for (const Failure& failure : failures) {
    Json row{{"path", failure.path}, {"message", failure.message}};
    if (failure.offset) row["offset"] = *failure.offset;
    result.push_back(std::move(row));
  }
  return result;
}

void write_document(const Json& document, std::ostream& out) {
  out << json_escaped(document.dump(2, ' ', false, Json::error_handler_t::replace)) << '\n';
}

void write_document_with_rows(const Json& document, std::string_view key, const std::vector<Json>& rows,
                              std::ostream& out) {
  out << '{';
  std::string_view separator = "\n  ";
  for (const auto& [name, value] : document.items()) {
    out << separator << dumped(name) << ": ";
    separator = ",\n  ";
    if (name != key) {
      out << dumped(value);
      continue;
    }
    out << '[';
    for (std::size_t i = 0; i < rows.size(); ++i) out << (i > 0 ? ",\n    " : "\n    ") << dumped(rows[i]);
    out << (rows.empty() ? "]" : "\n  ]");
  }
  out << "\n}\n";
}

std::string dumped(const Json& value) {
  return json_escaped(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string model_line(const ModelReport& report, const std::optional<NamedQuantization>& named,
                       const std::function<void(JsonWriter&)>& more) {
  static const std::vector<Fit> kNone;
  JsonWriter json(JsonWriter::Layout::Line);
  json.object([&] {
    json.field("schema", kInspectSchema);
    write_members(report.model, named, report.common_devices ? kNone : report.fits, report.predicted_file_bytes, json);
    if (more) more(json);
  });
  return json.take();
}

std::string failure_json_line(const Failure& failure) {
  const Json rows = failures_json({failure});
  return dumped(Json{{"schema", kInspectSchema}, {"error", rows.front()}});
}

void write_json_lines(const Report& report, const Style& /*style*/, std::ostream& out) {
  for (const ModelReport& model : report.models) {
    out << model_line(model, named_quantization(model.model)) << '\n';
  }
  for (const PipelineReport& pipeline : report.pipelines) {
    Json line{{"schema", kInspectSchema}, {"pipeline", pipeline_json(pipeline)}};
    if (pipeline.common_devices) line["pipeline"]["fit"] = Json::array();
    out << dumped(line) << '\n';
  }
  for (const Failure& failure : report.errors) out << failure_json_line(failure) << '\n';
}

void write_json(const Report& report, const Style& /*style*/, std::ostream& out) {
  out << inspect_document(report.errors, report.pipelines, [&](JsonWriter& json) {
    for (const ModelReport& model : report.models) {
      json.object([&] {
        write_members(model.model, named_quantization(model.model), model.fits, model.predicted_file_bytes, json);
        if (!model.predicted_file_bytes) return;
        const auto& size = model.predicted_with_imatrix;
        json.field("with_imatrix",
                   size ? Json{{"weights_bytes", size->tensor_bytes}, {"file_bytes", size->file_bytes}} : Json());
      });
    }
  }) << '\n';
}

void write_json(const Model& model, const std::vector<Fit>& fits, std::ostream& out) {
  out << inspect_document({}, {}, [&](JsonWriter& json) {
    json.object([&] { write_members(model, named_quantization(model), fits, std::nullopt, json); });
  }) << '\n';
}

}  // namespace weigh::core
