#include "src/weigh/weigh.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/catch.h"

namespace {

using nlohmann::json;

std::string fixture(const std::string& name) { return WEIGH_TESTDATA "/" + name; }

template <typename T>
json nullable(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

/// An empty text stands for null in the JSON.
json nullable(const std::string& text) { return text.empty() ? json() : json(text); }

json only_model(const std::string& document) {
  const json parsed = json::parse(document);
  REQUIRE(parsed.at("models").size() == 1);
  return parsed.at("models").front();
}

json need_json(const weigh::Need& need) {
  return {{"weights", nullable(need.weights)}, {"kv_cache", nullable(need.kv_cache)}, {"state", nullable(need.state)},
          {"compute", nullable(need.compute)}, {"overhead", nullable(need.overhead)}, {"total", need.total}};
}

json part_json(const weigh::PlacedPart& part) {
  return {{"device", part.device},
          {"layers", part.layers},
          {"output", part.output},
          {"need", need_json(part.need)},
          {"budget_bytes", part.budget_bytes}};
}

json placement_json(const weigh::Placement& placement) {
  json devices = json::array();
  for (const weigh::PlacedPart& part : placement.per_device) devices.push_back(part_json(part));
  return {{"gpu_layers", nullable(placement.gpu_layers)},
          {"cpu_moe_layers", placement.cpu_moe_layers},
          {"per_device", devices},
          {"host", part_json(placement.host)},
          {"host_bytes", placement.host.need.total},
          {"flags", placement.flags}};
}

json host_json(const weigh::HostShare& host) {
  return {{"need_bytes", host.need_bytes},
          {"budget_bytes", host.budget_bytes},
          {"memory_bytes", host.memory_bytes},
          {"source", host.source}};
}

json training_json(const weigh::Training& training) {
  return {{"recipe", training.recipe},
          {"optimizer", training.optimizer},
          {"rank", nullable(training.rank)},
          {"sequences", training.sequences},
          {"tokens", training.tokens},
          {"checkpointing", training.checkpointing},
          {"shard", training.shard},
          {"devices", training.devices},
          {"trained_parameters", training.trained_parameters},
          {"weights", training.weights},
          {"gradients", training.gradients},
          {"optimizer_states", training.optimizer_states},
          {"activations", nullable(training.activations)},
          {"logits", nullable(training.logits)},
          {"overhead", training.overhead},
          {"total", training.total},
          {"rules", training.rules},
          {"assumptions", training.assumptions},
          {"estimate", true}};
}

json fit_json(const weigh::Fit& fit) {
  json companions = json::array();
  for (const weigh::Companion& one : fit.companions) {
    companions.push_back(
        {{"role", one.role}, {"path", one.path}, {"need", need_json(one.need)}, {"host_bytes", one.host_bytes}});
  }
  json advice = json::array();
  for (const weigh::Advice& one : fit.advice) {
    advice.push_back({{"kind", one.kind}, {"text", one.text}, {"flags", one.flags}, {"need_bytes", one.need_bytes}});
  }
  return {
      {"device", fit.device},
      {"count", fit.count},
      {"engine", nullable(fit.engine)},
      {"context", nullable(fit.context)},
      {"kv_type", nullable(fit.kv_type)},
      {"memory_bytes", fit.memory_bytes},
      {"limit_bytes", fit.limit_bytes},
      {"budget_bytes", fit.budget_bytes},
      {"need", need_json(fit.need)},
      {"companions", companions},
      {"basis", nullable(fit.basis)},
      {"exact_for", nullable(fit.exact_for)},
      {"remark", nullable(fit.remark)},
      {"verdict", weigh::name_of(fit.verdict)},
      {"headroom_bytes", fit.headroom_bytes},
      {"reason", fit.reason},
      {"host", fit.host ? host_json(*fit.host) : json()},
      {"serving", nullptr},
      {"placement", fit.placement ? placement_json(*fit.placement) : json()},
      {"max_context", nullable(fit.max_context)},
      {"tokens_per_second_bound", fit.speed ? json{{"empty", fit.speed->empty}, {"full", fit.speed->full}} : json()},
      {"command", nullable(fit.command)},
      {"advice", advice},
      {"training", fit.training ? training_json(*fit.training) : json()}};
}

json architecture_json(const weigh::Architecture& from) {
  return {{"name", nullable(from.name)},
          {"layers", nullable(from.layers)},
          {"context_length", nullable(from.context_length)},
          {"embedding_length", nullable(from.embedding_length)},
          {"heads", nullable(from.heads)},
          {"kv_heads", nullable(from.kv_heads)},
          {"vocab_size", nullable(from.vocab_size)},
          {"kv_heads_per_layer", from.kv_heads_per_layer.empty() ? json() : json(from.kv_heads_per_layer)},
          {"head_size_k", nullable(from.head_size_k)},
          {"head_size_v", nullable(from.head_size_v)},
          {"feed_forward_length", nullable(from.feed_forward_length)},
          {"expert_feed_forward_length", nullable(from.expert_feed_forward_length)},
          {"sliding_window", nullable(from.sliding_window)},
          {"tied_embeddings", nullable(from.tied_embeddings)},
          {"tokenizer", nullable(from.tokenizer)},
          {"chat_template", from.chat_template},
          {"license", nullable(from.license)},
          {"base_model", nullable(from.base_model)}};
}

json parameters_json(const weigh::Parameters& from) {
  json result{
      {"total", nullable(from.total)}, {"active", nullable(from.active)}, {"prediction", nullable(from.prediction)}};
  if (from.active_without_embedding) {
    result["active_without_embedding"] = *from.active_without_embedding;
    result["active_without_embedding_and_head"] = *from.active_without_embedding_and_head;
  }
  return result;
}

json weights_json(const weigh::Weights& from) {
  json by_dtype = json::array();
  for (const weigh::DtypeTotals& row : from.by_dtype) {
    by_dtype.push_back({{"dtype", row.dtype},
                        {"tensors", row.tensors},
                        {"elements", row.elements},
                        {"parameters", nullable(row.parameters)},
                        {"bytes", row.bytes}});
  }
  json by_role = json::array();
  for (const weigh::RoleTotals& row : from.by_role) {
    by_role.push_back(
        {{"role", row.role}, {"tensors", row.tensors}, {"parameters", nullable(row.parameters)}, {"bytes", row.bytes}});
  }
  return {{"bytes", from.bytes},
          {"padding_bytes", from.padding_bytes},
          {"bits_per_weight", nullable(from.bits_per_weight)},
          {"by_dtype", by_dtype},
          {"by_role", by_role}};
}

json findings_json(const std::vector<weigh::Finding>& findings) {
  json rows = json::array();
  for (const weigh::Finding& finding : findings) {
    json row{{"severity", weigh::name_of(finding.severity)}, {"code", finding.code}, {"message", finding.message}};
    if (!finding.tensor.empty()) row["tensor"] = finding.tensor;
    if (finding.offset) row["offset"] = *finding.offset;
    if (!finding.file.empty()) row["file"] = finding.file;
    rows.push_back(row);
  }
  return rows;
}

/// The values of the header as the JSON has them: what it does not have, no value has either.
json info_json(const weigh::ModelInfo& info) {
  json files = json::array();
  for (const weigh::File& file : info.files) {
    files.push_back({{"path", file.path},
                     {"bytes", file.bytes},
                     {"header_bytes", file.header_bytes},
                     {"data_bytes", file.data_bytes},
                     {"tensors", file.tensors}});
  }
  json result{{"path", info.path},
              {"name", info.name},
              {"format", weigh::name_of(info.format)},
              {"format_version", info.format == weigh::Format::Gguf ? json(info.format_version) : json()},
              {"byte_order", info.big_endian ? "big" : "little"},
              {"files", files},
              {"architecture", architecture_json(info.architecture)},
              {"kind", nullable(info.kind)},
              {"parameters", parameters_json(info.parameters)},
              {"weights", weights_json(info.weights)},
              {"experts", nullptr},
              {"quantization", nullptr},
              {"findings", findings_json(info.findings)},
              {"fit", json::array()}};
  if (const auto& experts = info.experts) {
    result["experts"] = {{"count", experts->count},
                         {"used", nullable(experts->used)},
                         {"shared", experts->shared},
                         {"layers", experts->layers},
                         {"parameters", nullable(experts->parameters)},
                         {"active_parameters", nullable(experts->active_parameters)},
                         {"bytes", experts->bytes}};
  }
  if (const auto& quantization = info.quantization) {
    result["quantization"] = {{"scheme", quantization->scheme},
                              {"name", quantization->name},
                              {"bits", nullable(quantization->bits)},
                              {"group_size", nullable(quantization->group_size)}};
  }
  return result;
}

/// The error that `call` throws.
template <typename Call>
weigh::Error error_of(const Call& call) {
  try {
    call();
  } catch (const weigh::Error& error) {
    return error;
  }
  FAIL("nothing was thrown");
  throw std::logic_error("not reached");
}

}  // namespace

TEST_CASE("the values of a model are those of its JSON") {
  const std::string name = GENERATE(
      as<std::string>{}, "gguf/good/moe-merged.gguf", "gguf/good/v3-big-endian.gguf", "gguf/good/lora-adapter.gguf",
      "gguf/good/mmproj-small.gguf", "gguf/good/split-00002-of-00003.gguf", "gguf/good/hole.gguf",
      "safetensors/good/every-dtype.safetensors", "safetensors/good/adapter", "safetensors/good/index-total-size-wrong",
      "snapshots/Llama-2-13B-f16.weigh.zst", "snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst");
  CAPTURE(name);
  const weigh::Model model = weigh::open(fixture(name));
  CHECK(info_json(model.info()) == only_model(model.json()));
  CHECK(model.info().header_only == (name.find("snapshots/") == 0));
}

TEST_CASE("figures of a model that is known") {
  const weigh::Model model = weigh::open(fixture("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"));
  const weigh::ModelInfo& info = model.info();
  CHECK(info.format == weigh::Format::Gguf);
  CHECK(info.parameters.total == 46'702'792'704);
  CHECK(weigh::parameters_text(info.parameters.total) == "46.70 B");
  CHECK(weigh::parameters_text(*info.parameters.active) == "12.88 B");
  CHECK(weigh::bytes_text(info.weights.bytes) == "26.49 GiB");
  CHECK(info.experts->count == 8);
  CHECK(info.experts->used == 2U);
}

TEST_CASE("the tensors are those of the listing") {
  const std::string name = GENERATE(as<std::string>{}, "gguf/good/split-00001-of-00003.gguf",
                                    "safetensors/good/every-dtype.safetensors", "gguf/good/moe-per-expert.gguf");
  CAPTURE(name);
  const weigh::Model model = weigh::open(fixture(name));
  json rows = json::array();
  for (const weigh::Tensor& tensor : model.tensors()) {
    rows.push_back({{"name", tensor.name},
                    {"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"parameters", nullable(tensor.parameters)},
                    {"bytes", tensor.bytes},
                    {"offset", tensor.offset},
                    {"file", tensor.file},
                    {"role", tensor.role},
                    {"layer", nullable(tensor.layer)}});
  }
  CHECK(rows.size() > 1);
  CHECK(rows == json::parse(model.tensors_json()).at("tensors"));
}

TEST_CASE("the fits of a model are those of its JSON") {
  const weigh::Catalogue catalogue = weigh::Catalogue::built_in();
  struct Row {
    const char* model;
    std::vector<std::string> devices;
    weigh::RunOptions options;
  };
  weigh::RunOptions long_context;
  long_context.context = 32768;
  long_context.kv_type = "q8_0,f16";
  long_context.detail = weigh::Detail::Advice;
  weigh::RunOptions together;
  together.together = true;
  together.context = weigh::kModelContext;
  weigh::RunOptions other_type;
  other_type.as_type = "Q4_K_M";
  const std::vector<Row> rows{
      {"snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst", {"rtx-4090", "2x rtx-4090", "24GiB", "m2-ultra-192gb"}, {}},
      {"snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst", {"rtx-4090", "8GiB"}, long_context},
      {"snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst", {"rtx-4090", "rtx-3060"}, together},
      {"snapshots/Llama-2-13B-f16.weigh.zst", {"rtx-4090"}, other_type},
      {"safetensors/good/every-dtype.safetensors", {"24GiB"}, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.model);
    const weigh::Model model = weigh::open(fixture(row.model));
    json fits = json::array();
    for (const weigh::Fit& fit : model.fit(row.devices, row.options, catalogue)) fits.push_back(fit_json(fit));
    CHECK(fits.size() == (row.options.together ? 1 : row.devices.size()));
    CHECK(fits == only_model(model.json(row.devices, row.options, catalogue)).at("fit"));
  }
}

TEST_CASE("a model is trained in place of being run") {
  const weigh::Model model = weigh::open(fixture("snapshots/Llama-2-7B-f16.weigh.zst"));
  weigh::RunOptions options;
  options.detail = weigh::Detail::Advice;
  options.train = "lora";
  options.optimizer = "adamw-8bit";
  options.checkpointing = "full";
  options.shard = "zero2";
  options.lora_rank = 8;
  options.train_sequences = 2;
  options.train_tokens = 1024;
  const std::vector<std::string> devices{"2x rtx-4090", "rtx-3060"};
  const std::vector<weigh::Fit> fits = model.fit(devices, options);
  REQUIRE(fits.size() == 2);
  REQUIRE(fits.front().training);
  const weigh::Training& training = *fits.front().training;
  CHECK(training.recipe == "lora");
  CHECK(training.optimizer == "adamw-8bit");
  CHECK(training.checkpointing == "full");
  CHECK(training.shard == "zero2");
  CHECK(training.rank == 8);
  CHECK(training.sequences == 2);
  CHECK(training.tokens == 1024);
  CHECK(training.total == fits.front().need.total);
  const json document = only_model(model.json(devices, options));
  for (std::size_t i = 0; i < fits.size(); ++i) CHECK(fit_json(fits[i]) == document.at("fit").at(i));
  options.shard = "zero9";
  CHECK_THROWS_AS(model.fit(devices, options), weigh::Error);
}

TEST_CASE("a projector and a draft are loaded beside the model") {
  weigh::RunOptions options;
  options.projector = fixture("gguf/good/mmproj-small.gguf");
  options.draft = fixture("snapshots/Llama-2-13B-f16.weigh.zst");
  const weigh::Model model = weigh::open(fixture("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"));
  const std::vector<weigh::Fit> fits = model.fit({"h100-sxm"}, options, weigh::Catalogue::built_in());
  REQUIRE(fits.size() == 1);
  CHECK(fits.front().companions.size() == 2);
}

TEST_CASE("without devices the fits are those of common ones") {
  const weigh::Model model = weigh::open(fixture("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"));
  const std::vector<weigh::Fit> fits = model.fit({}, {}, weigh::Catalogue::built_in());
  const auto on = [](weigh::Verdict verdict) { return [=](const weigh::Fit& fit) { return fit.verdict == verdict; }; };
  CHECK(std::any_of(fits.begin(), fits.end(), on(weigh::Verdict::Fits)));
  CHECK_FALSE(std::all_of(fits.begin(), fits.end(), on(weigh::Verdict::Fits)));
}

TEST_CASE("what is wrong with a file says where") {
  const weigh::Error cut = error_of([] { (void)weigh::open(fixture("gguf/bad/cut-array.gguf")); });
  CHECK(cut.kind() == weigh::ErrorKind::Input);
  CHECK(cut.path() == fixture("gguf/bad/cut-array.gguf"));
  CHECK(cut.offset());
  CHECK(std::string(cut.what()).find(cut.path() + ": byte 0x") == 0);

  const weigh::Error none = error_of([] { (void)weigh::open("/no/such/file.gguf"); });
  CHECK(none.kind() == weigh::ErrorKind::Input);
  CHECK(none.path() == "/no/such/file.gguf");
  CHECK_FALSE(none.offset());

  const weigh::Opened opened = weigh::open_all(fixture("gguf/bad/cut-array.gguf"));
  CHECK(opened.models.empty());
  REQUIRE(opened.failures.size() == 1);
  CHECK(opened.failures.front().offset == cut.offset());
}

TEST_CASE("several models in one folder have to be told apart") {
  const weigh::Error several = error_of([] { (void)weigh::open(fixture("gguf/good")); });
  CHECK(several.kind() == weigh::ErrorKind::Usage);
  CHECK(weigh::open_all(fixture("gguf/good")).models.size() > 1);
}

TEST_CASE("what does not exist is wrong usage") {
  const weigh::Model model = weigh::open(fixture("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"));
  const auto with = [](auto&& change) {
    weigh::RunOptions options;
    change(options);
    return options;
  };
  struct Row {
    std::vector<std::string> devices;
    weigh::RunOptions options;
  };
  const std::vector<Row> rows{
      {{"rtx-9999999"}, {}},
      {{""}, {}},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.kv_type = "q9"; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.as_type = "Q9_K"; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.context = 0; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.parallel = 0; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.micro_batch = 0; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.micro_batch = UINT64_MAX; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.batch = 0; })},
      {{"24GiB"}, with([](weigh::RunOptions& o) { o.projector = fixture("gguf/good/v3.gguf"); })},
      {{"cpu-64gb"}, with([](weigh::RunOptions& o) { o.projector_on_host = true; })},
  };
  for (const Row& row : rows) {
    CAPTURE(&row - rows.data());
    const weigh::Error error =
        error_of([&] { (void)model.fit(row.devices, row.options, weigh::Catalogue::built_in()); });
    CHECK(error.kind() == weigh::ErrorKind::Usage);
  }
}

TEST_CASE("the catalogue takes devices of one's own") {
  weigh::Catalogue catalogue = weigh::Catalogue::built_in();
  const weigh::Catalogue before = catalogue;
  catalogue.add("id,name,vendor,kind,memory_bytes\nmy-box,My box,me,cpu,68719476736\n", "here");
  CHECK(catalogue.find("my-box").memory_bytes == 68'719'476'736);
  CHECK(catalogue.devices().size() == before.devices().size() + 1);
  CHECK(error_of([&] { (void)before.find("my-box"); }).kind() == weigh::ErrorKind::Usage);
  CHECK(error_of([&] { catalogue.add("id\nx\n", "there"); }).kind() == weigh::ErrorKind::Usage);

  const weigh::Device card = catalogue.find("2x rtx-4090");
  CHECK(card.id == "rtx-4090");
  CHECK(card.count == 2);
  CHECK(card.memory_bytes >= card.limit_bytes);
  CHECK(card.limit_bytes >= card.budget_bytes);
  CHECK(catalogue.find("24GiB").kind == "size");
  CHECK(json::parse(catalogue.json("rtx 4090")).at("devices").size() == catalogue.search("rtx 4090").size());
  CHECK(json::parse(catalogue.json()).at("devices").size() == catalogue.devices().size());
}

TEST_CASE("a scan gives one row for each model") {
  const std::string folder = fixture("safetensors/good");
  weigh::ScanOptions options;
  options.devices = {"24GiB"};
  options.threads = 3;
  const weigh::Catalogue catalogue = weigh::Catalogue::built_in();
  const weigh::Scan scan = weigh::scan({folder}, options, catalogue);
  const json document = json::parse(weigh::scan_json({folder}, options, catalogue));
  REQUIRE(scan.models.size() > 10);
  REQUIRE(scan.models.size() == document.at("models").size());
  for (std::size_t i = 0; i < scan.models.size(); ++i) {
    const weigh::ScanRow& row = scan.models[i];
    const json& model = document.at("models")[i];
    CAPTURE(row.path);
    CHECK(row.path == model.at("path"));
    CHECK(row.weight_bytes == model.at("weights").at("bytes"));
    std::vector<std::pair<std::string, std::string>> verdicts;  // none of what does not run by itself
    for (const json& fit : model.at("fit")) verdicts.emplace_back(fit.at("device"), fit.at("verdict"));
    CHECK(verdicts.empty() ==
          (model.at("kind").is_string() && model.at("kind").get<std::string>().ends_with("adapter")));
    CHECK(row.verdicts == verdicts);
    CHECK(json::parse(row.json).at("name") == row.name);
  }
  CHECK(scan.failures.size() == document.at("errors").size());
}

TEST_CASE("a folder that is not there is a failure of the scan") {
  const weigh::Scan scan = weigh::scan({"/no/such/folder"});
  CHECK(scan.models.empty());
  CHECK(scan.failures.size() == 1);
}

TEST_CASE("what a callback throws ends the scan and comes out as it is") {
  struct Enough {};
  const weigh::ScanCallbacks stop{.model = [](weigh::ScanRow&&) { throw Enough(); }, .failure = {}, .progress = {}};
  CHECK_THROWS_AS(weigh::scan({fixture("gguf/good")}, {}, stop), Enough);
  const weigh::ScanCallbacks odd{
      .model = [](weigh::ScanRow&&) { throw std::out_of_range("mine"); }, .failure = {}, .progress = {}};
  CHECK_THROWS_AS(weigh::scan({fixture("gguf/good")}, {}, odd), std::out_of_range);
}

TEST_CASE("an audit is that of its JSON") {
  const std::string path = fixture("audit/shards-swapped/fires");
  const std::vector<weigh::Audit> audits = weigh::audit(path);
  const json rows = json::parse(weigh::audit_json({path})).at("audits");
  REQUIRE(audits.size() == rows.size());
  REQUIRE_FALSE(audits.empty());
  for (std::size_t i = 0; i < audits.size(); ++i) {
    CHECK(audits[i].path == rows[i].at("path"));
    CHECK(audits[i].files == rows[i].at("files"));
    CHECK(audits[i].checks_run == rows[i].at("checks_run"));
    CHECK(findings_json(audits[i].findings) == rows[i].at("findings"));
  }
  CHECK_FALSE(audits.front().findings.empty());
}

TEST_CASE("an audit of every byte tells how far it is") {
  std::uint64_t last = 0;
  weigh::AuditOptions options;
  options.deep = true;
  options.progress = [&](std::uint64_t done, std::uint64_t all) {
    CHECK(done <= all);
    last = done;
  };
  const std::vector<weigh::Audit> audits = weigh::audit(fixture("gguf/good/moe-merged.gguf"), options);
  CHECK(last > 0);
  CHECK(audits.size() == 1);
}

TEST_CASE("several threads use one model") {
  const weigh::Model model = weigh::open(fixture("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"));
  const weigh::Catalogue catalogue = weigh::Catalogue::built_in();
  const std::string expected = model.json({"rtx-4090"}, {}, catalogue);
  std::array<std::string, 4> results;
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&result, model, &catalogue] { result = model.json({"rtx-4090"}, {}, catalogue); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) CHECK(result == expected);
}

TEST_CASE("names go both ways") {
  for (const auto engine : {weigh::Engine::LlamaCpp, weigh::Engine::Transformers, weigh::Engine::Vllm,
                            weigh::Engine::Mlx, weigh::Engine::Sglang}) {
    CHECK(weigh::engine_named(weigh::name_of(engine)) == engine);
  }
  CHECK_FALSE(weigh::engine_named("llama"));
  CHECK(std::string(weigh::version()) == WEIGH_VERSION_STRING);
  CHECK(weigh::escaped("a\nb") == "a\\x0ab");
}
