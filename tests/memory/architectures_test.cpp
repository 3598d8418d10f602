#include "src/memory/architectures.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("every architecture has one row", "[memory]") {
  std::set<std::string_view> names;
  for (const ArchitectureRule& rule : architecture_rules()) {
    CAPTURE(rule.name);
    CHECK(names.insert(rule.name).second);
    CHECK(architecture_rule(rule.name) == &rule);
    const bool recurrent = rule.memory == MemoryKind::Recurrent || rule.memory == MemoryKind::Hybrid;
    CHECK(recurrent == (rule.state != StateRule::None));
    CHECK((rule.recurrent != RecurrentRule::None || rule.state == StateRule::Compressor) == recurrent);
  }
  CHECK(names.size() == 152);
  CHECK(architecture_rule("llama")->memory == MemoryKind::Attention);
  CHECK(architecture_rule("not-there") == nullptr);
  CHECK(architecture_rule("") == nullptr);
}

TEST_CASE("a Hugging Face class leads to the row it converts to", "[memory]") {
  CHECK(architecture_rule_of_class("MixtralForCausalLM")->name == "llama");
  CHECK(architecture_rule_of_class("DeepseekV3ForCausalLM")->name == "deepseek2");
  CHECK(architecture_rule_of_class("Qwen3_5MoeForConditionalGeneration")->name == "qwen35moe");
  CHECK(architecture_rule_of_class("MixtralForCausal") == nullptr);  // no part of a class
  CHECK(architecture_rule_of_class("") == nullptr);
}

TEST_CASE("the lists of architectures with a rule and without", "[memory]") {
  std::string replayed, estimated;
  for (const ArchitectureRule& rule : architecture_rules()) {
    (rule.graph == GraphRule::Replayed ? replayed : estimated) += ' ' + std::string(rule.name);
  }
  std::cout << "compute replayed:" << replayed << "\ncompute estimated:" << estimated << '\n';
  // Any other is assumed to have full attention, and says so (memory_test.cpp). The list of all that are known is not a
  // part of this project and grows: what it names anew is for us to read, and no fault of a build.
  std::string without;
  std::ifstream known(WEIGH_SOURCE "/../shared/facts/architectures.csv");
  for (std::string line; std::getline(known, line);) {
    const std::string name = line.substr(0, line.find(','));
    if (name != "architecture" && architecture_rule(name) == nullptr) without += ' ' + name;
  }
  std::cout << "without a rule:" << (without.empty() ? " none" : without) << '\n';
  CHECK(architecture_rule("gpt-oss")->graph == GraphRule::Replayed);
  CHECK(architecture_rule("clip")->graph == GraphRule::Estimated);
}
