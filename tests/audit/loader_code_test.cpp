#include "src/audit/loader_code.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "src/audit/audit.h"
#include "tests/catch.h"

using namespace weigh::core;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> paths_of(const std::string& base, const std::string& text) {
  std::vector<std::string> paths;
  for (const LoaderCode& code : find_loader_code(base, nlohmann::json::parse(text))) paths.push_back(code.path);
  return paths;
}

}  // namespace

TEST_CASE("a config that names code for a loader is found at any depth") {
  const auto [base, text, path] = GENERATE(table<std::string, std::string, std::string>({
      {"config.json", R"({"auto_map": {"AutoModel": "a.B"}})", "auto_map"},
      {"config.json", R"({"audio_config": {"auto_map": {"AutoModel": "a.B"}}})", "audio_config.auto_map"},
      {"config.json", R"({"a": [[{"b": {"auto_map": {"AutoModel": "org/repo--a.B"}}}]]})", "a.b.auto_map"},
      {"tokenizer_config.json", R"({"auto_map": {"AutoTokenizer": ["a.B", null]}})", "auto_map"},
      {"tokenizer_config.json", R"({"auto_map": ["a.B", null]})", "auto_map"},
      {"processor_config.json", R"({"auto_map": {"AutoProcessor": "a.B"}})", "auto_map"},
      {"generation_config.json", R"({"custom_generate": "org/repo"})", "custom_generate"},
      {"config.json", R"({"custom_pipelines": {"mine": {"impl": "a.B", "pt": ["AutoModel"]}}})", "custom_pipelines"},
      {"adapter_config.json", R"({"auto_mapping": {"base_model_class": "B", "parent_library": "a"}})", "auto_mapping"},
      {"adapter_config.json",
       R"({"auto_mapping": {"base_model_class": "B", "parent_library": "transformers_modules.a"}})", "auto_mapping"},
      {"model_index.json", R"({"_class_name": "P", "unet": ["my_unet", "B"]})", "unet"},
      {"model_index.json", R"({"_class_name": ["my_pipeline", "P"]})", "_class_name"},
      {"modules.json", R"([{"idx": 0, "type": "custom_st.Transformer"}])", "type"},
  }));
  CAPTURE(text);
  CHECK(paths_of(base, text) == std::vector<std::string>{path});
}

TEST_CASE("a config of known libraries names no code") {
  const auto [base, text] = GENERATE(table<std::string, std::string>({
      {"config.json", "null"},
      {"config.json", "[]"},
      {"config.json", R"({"auto_map": {}})"},
      {"config.json", R"({"auto_map": null})"},
      {"tokenizer_config.json", R"({"auto_map": {"AutoTokenizer": [null, null]}})"},
      {"adapter_config.json", R"({"auto_mapping": null})"},
      {"adapter_config.json",
       R"({"auto_mapping": {"base_model_class": "B", "parent_library": "transformers.models.b.modeling_b"}})"},
      {"model_index.json",
       R"({"_class_name": "P", "unet": ["diffusers", "B"], "safety_checker": [null, null], "x": ["transformers", "C"],
           "y": ["stable_diffusion", "S"], "_diffusers_version": "0.1", "z": true, "sizes": [1, 2]})"},
      {"modules.json",
       R"([{"type": "sentence_transformers.models.Transformer"}, {"type": "pylate.models.Dense.Dense"}, 1])"},
  }));
  CAPTURE(text);
  CHECK(paths_of(base, text).empty());
}

TEST_CASE("trust_remote_code counts where it is set") {
  const auto [text, count] = GENERATE(table<std::string, std::size_t>({
      {R"({"trust_remote_code": true})", 1},
      {R"({"a": [{"model_args": {"trust_remote_code": true}}], "trust_remote_code": 1})", 2},
      {R"({"trust_remote_code": "true"})", 1},
      {R"({"trust_remote_code": false})", 0},
      {R"({"trust_remote_code": null})", 0},
      {R"({"trust_remote_code": "false"})", 0},
      {R"("trust_remote_code")", 0},
  }));
  CAPTURE(text);
  CHECK(find_trust(nlohmann::json::parse(text)).size() == count);
}

namespace {

// A folder with a model and one file more.
class ModelFolder {
 public:
  ModelFolder() {
    fs::create_directories(root_ / "elsewhere");
    write("config.json", "{}");
    write("model.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  }
  ModelFolder(const ModelFolder&) = delete;
  ModelFolder& operator=(const ModelFolder&) = delete;
  ~ModelFolder() { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories((model() / name).parent_path());
    std::ofstream(model() / name, std::ios::binary) << bytes;
  }
  [[nodiscard]] fs::path model() const { return root_ / "model"; }
  /// Files with a finding of that code.
  [[nodiscard]] std::set<std::string> found(std::string_view code) const {
    std::set<std::string> files;
    for (const Audit& audit : audit_path(model().string())) {
      for (const Finding& finding : audit.findings) {
        if (name_of(finding.code) == code) files.insert(finding.file);
      }
    }
    return files;
  }

 private:
  fs::path root_ = fs::temp_directory_path() / ("weigh-audit-code-" + std::to_string(::getpid()));
};

std::string windows_program() {
  std::string bytes(256, '\0');
  bytes.replace(0, 2, "MZ");
  bytes[0x3c] = '\x40';
  bytes.replace(0x40, 2, "PE");
  return bytes;
}

}  // namespace

TEST_CASE("code is found below a folder that Python loads, by name and by content") {
  const auto [name, bytes] = GENERATE(table<std::string, std::string>({
      {"a/b/c/d.py", "x"},
      {".hidden/x.PY", "x"},
      {"x.pyc", "x"},
      {"x.pyd", "x"},
      {"lib/libx.so", "x"},
      {"lib/libx.so.1", "x"},
      {"lib/libx.so.1.2.3", "x"},
      {"x.DLL", "x"},
      {"x.dylib", "x"},
      {"setup.sh", "x"},
      {"run.bat", "x"},
      {"run.ps1", "x"},
      {"elf.txt",
       "\x7f"
       "ELF"},
      {"a/script", "#!/usr/bin/env python\n"},
      {"windows.dat", windows_program()},
      {"mach.bin", "\xcf\xfa\xed\xfe"},
  }));
  const ModelFolder folder;
  folder.write(name, bytes);
  CHECK(folder.found("code-file") == std::set<std::string>{name});
}

TEST_CASE("what only resembles code is silent") {
  const ModelFolder folder;
  folder.write("a.so.md", "x");
  folder.write("b.txt", "MZ is no program, and #! in a line is none");
  folder.write("c.python", "");
  folder.write("libx.sofa.1", "#");
  CHECK(folder.found("code-file").empty());
}

TEST_CASE("a link that leaves the folder is found, one within it or to nowhere is not") {
  const ModelFolder folder;
  folder.write("a/inside", "x");
  fs::create_symlink("../elsewhere", folder.model() / "out");
  fs::create_symlink("/nowhere/at/all", folder.model() / "dangling");
  fs::create_symlink("inside", folder.model() / "a/within");
  CHECK(folder.found("link-outside") == std::set<std::string>{"out"});
}
