"""Words the demonstration writes with: names of ways, hamlets, residences, nicknames, e-mail words."""

from __future__ import annotations

from collections.abc import Sequence

_WAYS = """
12 rue de l'Église|12 place de l'Église|8 Grande Rue|8 Grand'Rue|10 rue du Moulin|9 place de la Mairie|8 rue de la Mairie|7 rue du Château
7 rue des Écoles|7 rue de la Gare|6 avenue de la Gare|6 rue Principale|6 chemin du Moulin|5 rue du Stade|5 rue de la Fontaine|5 rue Pasteur
5 rue Victor Hugo|5 rue Jean Jaurès|5 avenue Jean Jaurès|5 rue Jules Ferry|5 rue de la République|4 avenue de la République|4 place de la République
4 rue du Général de Gaulle|4 avenue du Général de Gaulle|3 place du Général de Gaulle|4 rue Louis Pasteur|4 rue Gambetta|3 boulevard Gambetta
3 avenue Victor Hugo|3 boulevard Victor Hugo|3 rue Émile Zola|2 avenue Émile Zola|3 rue du Maréchal Foch|3 avenue du Maréchal Foch
2 rue du Maréchal Leclerc|2 avenue du Maréchal Leclerc|2 rue du Maréchal Joffre|2 rue Jean Moulin|2 avenue Jean Moulin|2 rue Anatole France
2 avenue Anatole France|2 rue Voltaire|2 boulevard Voltaire|2 rue Carnot|2 avenue Carnot|2 boulevard Carnot|3 rue Saint-Martin|2 rue Saint-Jean
2 rue Saint-Pierre|2 rue Saint-Michel|2 rue Notre-Dame|2 rue Sainte-Anne|1 rue Saint-Nicolas|1 rue Saint-Louis|1 rue Saint-Jacques
2 rue des Lilas|2 rue des Tilleuls|2 rue des Acacias|2 allée des Tilleuls|2 rue des Roses|2 rue des Peupliers|2 rue des Cerisiers|2 rue des Érables
2 rue des Bleuets|1 rue des Coquelicots|2 rue des Jardins|2 rue des Vignes|2 rue des Prés|2 rue du Lavoir|2 rue de la Paix|2 rue de la Liberté
2 rue de la Poste|2 rue de la Forge|2 rue du Four|2 rue du Puits|2 rue du Pont|2 rue de la Croix|1 rue de la Croix Blanche|1 rue de la Croix Rouge
2 rue des Fleurs|2 rue des Champs|2 chemin des Vignes|1 chemin des Prés|1 chemin Vert|1 chemin de la Plaine|1 chemin du Bois|1 chemin de la Forêt
1 chemin des Écoliers|1 chemin de la Fontaine|1 chemin du Lavoir|1 chemin de la Chapelle|1 chemin du Cimetière|1 chemin de Ronde|1 rue du Cimetière
1 rue de la Chapelle|1 rue de l'Abbaye|1 rue de l'Abreuvoir|1 rue de l'Hôpital|1 rue de l'Hôtel de Ville|1 rue de la Libération|1 rue de la Résistance
1 rue de Verdun|1 avenue de Verdun|1 rue de Paris|1 avenue de Paris|1 route de Paris|1 rue de Lyon|1 avenue de Lyon|1 route de Lyon|1 rue de Bordeaux
1 rue de Strasbourg|1 boulevard de Strasbourg|1 rue de Metz|1 rue de Nancy|1 rue de Bretagne|1 rue de Normandie|1 rue de Bourgogne|1 rue d'Alsace
1 rue de Lorraine|1 rue de Provence|1 avenue de la Libération|1 boulevard de la Liberté|1 boulevard de la République|1 place de la Liberté
1 place du Marché|1 place de la Fontaine|1 place des Tilleuls|1 place de la Gare|1 place Carnot|1 place Gambetta|1 rue Nationale|1 rue Royale
1 rue Neuve|1 rue Basse|1 rue Haute|1 rue Creuse|1 rue Traversière|1 rue du Centre|1 rue du Commerce|1 rue du Marché|1 rue du Bois|1 rue de la Forêt
1 rue du Parc|1 avenue du Parc|1 rue du Lac|1 rue de la Plage|1 avenue de la Plage|1 avenue de la Mer|1 rue du Port|1 quai de la Marine|1 quai de Seine
1 quai de la Loire|1 rue de la Montagne|1 rue de la Vallée|1 rue de la Rivière|1 rue de la Source|1 rue de Belle Vue|1 rue de Beauregard|1 rue Bellevue
1 rue du 8 Mai 1945|1 rue du 11 Novembre|1 rue du 14 Juillet|1 rue du 19 Mars 1962|1 avenue du 8 Mai 1945|1 rue du 4 Septembre|1 rue des Déportés
1 rue des Martyrs|1 rue des Anciens Combattants|1 rue du Souvenir|1 rue Pierre Curie|1 rue Marie Curie|1 rue Pierre et Marie Curie|1 rue Louis Blanc
1 rue Lamartine|1 rue Molière|1 rue Racine|1 rue Corneille|1 rue La Fontaine|1 rue Jean de La Fontaine|1 rue Jean-Jacques Rousseau|1 rue Diderot
1 rue Descartes|1 rue Montaigne|1 rue Ronsard|1 rue Balzac|1 rue Honoré de Balzac|1 rue Stendhal|1 rue Flaubert|1 rue Alphonse Daudet|1 rue George Sand
1 rue Colette|1 rue Jules Verne|1 rue Alexandre Dumas|1 rue Baudelaire|1 rue Verlaine|1 rue Arthur Rimbaud|1 rue Paul Éluard|1 rue Jacques Prévert
1 rue Albert Camus|1 rue Antoine de Saint-Exupéry|1 avenue Saint-Exupéry|1 rue Guynemer|1 rue Mermoz|1 rue Blériot|1 rue Ampère|1 rue Lavoisier
1 rue Denis Papin|1 rue Claude Bernard|1 rue du Docteur Roux|1 rue du Docteur Calmette|1 rue du Professeur Calmette|1 rue Laennec|1 rue Monge
1 rue Claude Monet|1 rue Auguste Renoir|1 rue Paul Cézanne|1 rue Matisse|1 rue Georges Braque|1 rue Rodin|1 rue Claude Debussy|1 rue Maurice Ravel
1 rue Hector Berlioz|1 rue Georges Bizet|1 rue Édith Piaf|1 rue Georges Brassens|1 allée Georges Brassens|1 allée des Acacias|1 allée des Chênes
1 allée des Érables|1 allée des Pins|1 allée des Platanes|1 allée du Parc|1 impasse des Lilas|1 impasse des Jardins|1 impasse du Moulin
1 impasse de la Fontaine|1 impasse des Cerisiers|1 impasse des Mésanges|1 rue des Mésanges|1 rue des Hirondelles|1 rue des Fauvettes|1 rue des Alouettes
1 rue des Rossignols|1 rue des Genêts|1 rue des Bruyères|1 rue des Ajoncs|1 rue des Violettes|1 rue des Glycines|1 rue des Mimosas|1 rue des Oliviers
1 rue des Amandiers|1 rue des Noyers|1 rue des Marronniers|1 rue des Platanes|1 rue des Chênes|1 rue des Hêtres|1 rue des Frênes|1 rue des Saules
1 route de la Mer|1 route de Bordeaux|1 route Nationale|1 route Départementale|1 route des Crêtes|1 cours de la République|1 cours Victor Hugo
1 square des Lilas|1 square Jean Moulin|1 villa des Roses|1 hameau de la Forge|1 lotissement Les Pins|1 lotissement Le Clos|1 cité des Fleurs
1 cité Jean Moulin|1 résidence du Parc|1 sentier des Vignes|1 passage du Commerce|1 rue Aristide Briand|1 avenue Aristide Briand|1 rue Léon Blum
1 rue Jean Mermoz|1 rue Roger Salengro|1 avenue Roger Salengro|1 rue Marcel Sembat|1 rue Henri Barbusse|1 avenue Henri Barbusse|1 rue Romain Rolland
1 rue Salvador Allende|1 avenue Salvador Allende|1 rue Youri Gagarine|1 avenue Pierre Mendès France|1 rue Simone Veil|1 rue Rosa Parks|1 rue Olympe de Gouges
1 avenue François Mitterrand|1 avenue du Président Wilson|1 boulevard du Président Kennedy|1 rue du Colonel Fabien|1 rue du Commandant Charcot
1 rue du Capitaine Guynemer|1 rue du Lieutenant Colonel Prévost|1 rue de l'Amiral Courbet|1 rue du Général Leclerc|1 avenue du Général Leclerc
1 boulevard du Maréchal Foch|1 rue du Faubourg Saint-Antoine|1 rue du Faubourg Saint-Martin|1 boulevard Saint-Germain|1 faubourg de Pierre
"""

HAMLETS = tuple(
    """Le Bourg|Lieu-dit Le Moulin|Lieu-dit La Forge|Les Granges|La Croix|Le Village|Lieu-dit Les Landes|Kerangoff|Kervegan|La Ville Neuve
Le Clos|Les Bruyères|Lieu-dit Bellevue|La Grande Métairie|Le Petit Bois|La Haie|Les Quatre Chemins|Le Mas Neuf|Mas de la Source|Le Hameau
Lieu-dit La Roche|Le Chêne Vert|Les Fontaines|La Fontaine|Le Pré Long|La Maison Neuve|Lieu-dit La Borde|Le Grand Champ|La Gare|Le Château""".replace(
        "\n", "|"
    ).split("|")
)

RESIDENCES = tuple("Les Lilas|Le Parc|Bellevue|Les Tilleuls|Les Cèdres|Beausoleil|Les Acacias|La Fontaine|Le Clos Fleuri|Les Hortensias|Mozart|Le Méridien".split("|"))
STUDENT_RESIDENCES = tuple("Les Estudines|Studélia|Campus Lumière|Cité Universitaire|Le Galilée|Montaigne".split("|"))
ELDERLY_HOMES = tuple("Les Tilleuls|Bel Air|Saint-Joseph|Les Jardins|La Roseraie|Sainte-Anne|Le Verger|Les Marronniers".split("|"))

EMAIL_WORDS = tuple(
    "chaton|soleil|papillon|titi|loulou|lapin|etoile|dauphin|mistral|doudou|poupette|nounours|coccinelle|ours|panda|biloute|minette|ptitloup|zouzou|mamie|papy".split("|")
)

NICKNAMES: dict[str, str] = dict(
    pair.split(":")
    for pair in (
        "JACQUELINE:Jacotte|CATHERINE:Cathy|CHRISTINE:Chris|CHRISTIAN:Chris|CHRISTOPHE:Christo|PHILIPPE:Phil|FREDERIC:Fred|ALEXANDRE:Alex|ALEXANDRA:Alex|"
        "BENJAMIN:Ben|VALERIE:Val|NATHALIE:Nath|STEPHANE:Steph|STEPHANIE:Steph|SANDRINE:Sandy|DOMINIQUE:Dom|FRANCOISE:Francette|THERESE:Thérèze|"
        "MICHELLE:Mimi|MICHELINE:Michou|GABRIEL:Gaby|GABRIELLE:Gaby|ELISABETH:Babeth|BERNADETTE:Nadette|ANTOINE:Tonio|VINCENT:Vince|VERONIQUE:Véro|"
        "DANIEL:Dany|DANIELLE:Dany|JEROME:Gégé|GERARD:Gégé|PATRICIA:Pat|PATRICK:Pat|LAURENT:Lolo|NICOLAS:Nico|MAXIME:Max|SEBASTIEN:Seb|THOMAS:Tom|"
        "GUILLAUME:Guigui|SAMUEL:Sam|SYLVIE:Syl|ISABELLE:Isa|VIRGINIE:Ninie|FLORENCE:Flo|FLORIAN:Flo|MADELEINE:Mado|MARGUERITE:Margot|SUZANNE:Suzie|"
        "SOLANGE:Sol|GENEVIEVE:Ginette|GEORGETTE:Jojo|JOSEPH:Jo|JEAN-PIERRE:JP|JEAN-CLAUDE:JC|JEAN-PAUL:JP|JEAN-LUC:JL|MARIE-CLAUDE:Marie-Clo|"
        "MARIE-FRANCE:Marie|MANUEL:Manu|EMMANUEL:Manu|EMMANUELLE:Manue|CLEMENT:Clem|CLEMENCE:Clem|MATHIEU:Mat|MATTHIEU:Mat|MATHILDE:Mathou|JULIEN:Juju|"
        "CHARLOTTE:Charlie|CAROLINE:Caro|DELPHINE:Delph|ANGELIQUE:Angie|JENNIFER:Jenny|VICTORIA:Vicky|VICTOR:Vic|ETIENNE:Tiennot|AUGUSTIN:Gus"
    ).split("|")
)
"""Upper-case first name without accents -> short form."""


def ways() -> tuple[Sequence[str], Sequence[float]]:
    """Names of ways and how common each is."""
    entries = [entry.split(" ", 1) for line in _WAYS.strip().splitlines() for entry in line.split("|")]
    return [name for _, name in entries], [float(weight) for weight, _ in entries]
