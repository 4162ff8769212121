package org.elasticsearch.node; // the constructor of Node and NodeServiceProvider belong to this package

import java.util.List;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.MockPluginsService;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;
import org.elasticsearch.transport.netty4.Netty4Plugin;
import servers.Lifetime;

/** Starts one Elasticsearch node in this process, with the settings given as arguments of the form name=value. */
public final class Launcher {
    /** Takes plugins from the class path. The framework's own MockNode would, too, but it refuses to run as root. */
    private static final class ClasspathPlugins extends NodeServiceProvider {
        @Override
        PluginsService newPluginService(Environment environment, PluginsLoader loader) {
            return new MockPluginsService(environment.settings(), environment, List.of(Netty4Plugin.class, RootPlugin.class));
        }
    }

    public static void main(String[] arguments) {
        Settings.Builder settings = Settings.builder();
        for (String argument : arguments) {
            String[] setting = argument.split("=", 2);
            settings.put(setting[0], setting[1]);
        }
        LogConfigurator.configureESLogging();
        Lifetime.of(() -> {
            Environment environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "node-1");
            return new Node(NodeConstruction.prepareConstruction(environment, null, new ClasspathPlugins(), false)).start();
        });
    }
}
